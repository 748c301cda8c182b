#include "schemas/types/store_uri.h"

#include <gtest/gtest.h>

namespace forebay {
namespace {

std::string Shown(std::string_view text) {
  absl::StatusOr<StoreUri> uri = StoreUri::Parse(text);
  return uri.ok() ? uri->ToString() : std::string(uri.status().message());
}

TEST(StoreUriTest, TakesPathsFilesAndBuckets) {
  EXPECT_EQ(StoreUri::Parse("tables").value(), StoreUri::Folder("tables"));
  EXPECT_EQ(StoreUri::Parse("/a/b//").value(), StoreUri::Folder("/a/b"));
  EXPECT_EQ(StoreUri::Parse("/").value(), StoreUri::Folder("/"));
  EXPECT_EQ(StoreUri::Parse("file:///a/b/").value(), StoreUri::Folder("/a/b"));
  EXPECT_EQ(StoreUri::Parse("s3://data/w/x/").value(),
            (StoreUri{.scheme = StoreUri::Scheme::kS3, .bucket = "data", .path = "w/x"}));
  EXPECT_EQ(StoreUri::Parse("s3a://data").value(),
            (StoreUri{.scheme = StoreUri::Scheme::kS3, .bucket = "data"}));
}

TEST(StoreUriTest, IsShownAsItIsRead) {
  for (const char* text : {"tables", "/a/b", "s3://data", "s3://data.eu-1/w/date=1"})
    EXPECT_EQ(Shown(text), text);
  EXPECT_EQ(Shown("s3://data/"), "s3://data");
  EXPECT_EQ(Shown("s3n://data/w"), "s3://data/w");
}

TEST(StoreUriTest, SaysWhatIsAllowed) {
  EXPECT_EQ(Shown(""), "a path, or a file:// or s3:// URI");
  EXPECT_EQ(Shown("gs://x/y"), "a path, or a file:// or s3:// URI: gs:// is not supported");
  EXPECT_EQ(Shown("file://server/share"),
            "a path, or file:// and an absolute path, as in file:///data/warehouse");
  EXPECT_EQ(Shown("file:///my%20tables"),
            "a file:// URI without %-escapes, or a plain path");
  for (const char* text :
       {"s3://", "s3:///x", "s3://Data/x", "s3://ab", "s3://key:secret@host/x"}) {
    EXPECT_EQ(Shown(text),
              "s3:// and the name of a bucket, 3 to 63 lower-case letters, digits, '.' and "
              "'-', as in s3://bucket/warehouse")
        << text;
  }
  for (const char* text : {"s3://data//x", "s3://data/a/../b", "s3://data/./x"})
    EXPECT_EQ(Shown(text), "an s3:// URI without empty names, '.' and '..' in its path");
}

}  // namespace
}  // namespace forebay
