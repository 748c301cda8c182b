// The parts of S3ObjectStore that need no server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "connectors/object_store/s3/profile_file.h"
#include "connectors/object_store/s3/s3_error.h"
#include "connectors/object_store/s3/signature.h"
#include "connectors/object_store/s3/xml.h"

namespace forebay {
namespace {

using ::testing::HasSubstr;

// The examples of AWS's documentation of signature version 4 for S3.
const S3Credentials kExample{.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                             .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"};
const absl::Time kExampleTime = absl::FromCivil(absl::CivilDay(2013, 5, 24), absl::UTCTimeZone());

std::string SignatureOf(HttpRequest request) {
  request.host = "examplebucket.s3.amazonaws.com";
  Sign(kExample, "us-east-1", kExampleTime, &request);
  std::string text = request.headers["authorization"];
  return text.substr(text.find("SignedHeaders="));
}

TEST(S3SignatureTest, IsThatOfTheDocumentedExamples) {
  EXPECT_EQ(
      SignatureOf({.method = "GET", .path = "/test.txt", .headers = {{"range", "bytes=0-9"}}}),
      "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature="
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
  EXPECT_EQ(SignatureOf({.method = "PUT",
                         .path = EncodePath("/test$file.text"),
                         .headers = {{"date", "Fri, 24 May 2013 00:00:00 GMT"},
                                     {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                         .body = "Welcome to Amazon S3."}),
            "SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class,Signature="
            "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
  EXPECT_EQ(SignatureOf({.method = "GET", .query = {{"lifecycle", ""}}}),
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="
            "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
  EXPECT_EQ(SignatureOf({.method = "GET", .query = {{"prefix", "J"}, {"max-keys", "2"}}}),
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date,Signature="
            "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
}

TEST(S3SignatureTest, EncodesWhatAUriMayNotHave) {
  EXPECT_EQ(EncodePath("/date=2023-11-14/part 1+ü.parquet"),
            "/date%3D2023-11-14/part%201%2B%C3%BC.parquet");
  EXPECT_EQ(EncodeQuery({{"prefix", "a/b c"}, {"list-type", "2"}}), "list-type=2&prefix=a%2Fb%20c");
}

TEST(XmlTest, ReadsElementsAndText) {
  XmlNode root = ParseXml(
                     "<?xml version=\"1.0\"?>\n<!-- c --><List xmlns='x'><Key>a&amp;b&#252;</Key>"
                     "<Empty/><s:In><Deep>1</Deep></s:In></List>\n")
                     .value();
  EXPECT_EQ(root.name, "List");
  EXPECT_EQ(root.TextOf("Key"), "a&bü");
  EXPECT_EQ(root.TextOf("Empty"), "");
  EXPECT_EQ(root.Find("Deep")->text, "1");
  EXPECT_EQ(root.Find("Key2"), nullptr);
}

TEST(XmlTest, RefusesWhatIsNone) {
  for (const char* text :
       {"", "text", "<a>", "<a></b>", "</a>", "<a/><b/>", "<a", "<>", "<a><b></a></b>"})
    EXPECT_TRUE(absl::IsInvalidArgument(ParseXml(text).status())) << text;
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<a>";
  EXPECT_FALSE(ParseXml(deep).ok());
}

TEST(XmlTest, EndsOnAnyBytes) {
  const std::string_view pieces[] = {"<a>",  "</a>", "<b/>", "<",  ">", "&",  ";",    "&#x41;",
                                     "<!--", "-->",  "<?",   "?>", "x", "\0", "&amp;"};
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (size_t n = random() % 12; n > 0; --n) text += pieces[random() % std::size(pieces)];
    ParseXml(text).status().IgnoreError();
  }
}

TEST(ProfileFileTest, ReadsTheSectionOfAProfile) {
  const char* text =
      "# mine\n[default]\naws_access_key_id=AK1\n aws_ignored = x\n\n[profile etl ]\r\n"
      "aws_access_key_id = AK2 \r\ns3 =\n  max_concurrent_requests = 20\nregion=eu-west-1\n";
  EXPECT_EQ(ReadProfileSection(text, "default"),
            (std::map<std::string, std::string>{{"aws_access_key_id", "AK1"}}));
  EXPECT_EQ(ReadProfileSection(text, "profile etl")["aws_access_key_id"], "AK2");
  EXPECT_EQ(ReadProfileSection(text, "profile etl")["region"], "eu-west-1");
  EXPECT_TRUE(ReadProfileSection(text, "etl").empty());
}

absl::Status StatusOf(int status, std::string body,
                      std::map<std::string, std::string> headers = {}) {
  return ToStatus(
      ReadS3Error({.status = status, .headers = std::move(headers), .body = std::move(body)}),
      {.doing = "write s3://data/w/x",
       .permission = "s3:PutObject on arn:aws:s3:::data/w/x",
       .bucket = "data",
       .endpoint = "https://s3.eu-west-1.amazonaws.com",
       .region = "eu-west-1",
       .who = "AK1 (from AWS_ACCESS_KEY_ID)"});
}

std::string ErrorBody(std::string_view code, std::string_view rest = "") {
  return "<Error><Code>" + std::string(code) + "</Code><Message>Said.</Message>" +
         std::string(rest) + "</Error>";
}

TEST(S3ErrorTest, SaysWhatToDo) {
  EXPECT_EQ(StatusOf(404, ErrorBody("NoSuchKey")),
            absl::NotFoundError("cannot write s3://data/w/x: NoSuchKey (Said.)"));
  EXPECT_EQ(StatusOf(404, ErrorBody("NoSuchBucket")),
            absl::UnavailableError("cannot write s3://data/w/x: NoSuchBucket (Said.); create "
                                   "the bucket data, or name another"));
  EXPECT_EQ(StatusOf(403, ErrorBody("AccessDenied")),
            absl::UnavailableError(
                "cannot write s3://data/w/x: AccessDenied (Said.); allow s3:PutObject on "
                "arn:aws:s3:::data/w/x to AK1 (from AWS_ACCESS_KEY_ID)"));
  EXPECT_EQ(
      StatusOf(400, ErrorBody("AuthorizationHeaderMalformed", "<Region>us-east-2</Region>")),
      absl::FailedPreconditionError(
          "cannot write s3://data/w/x: AuthorizationHeaderMalformed (Said.); the bucket is in "
          "the region us-east-2, not eu-west-1: set `region` in the section `s3`"));
  EXPECT_EQ(StatusOf(301, "", {{"x-amz-bucket-region", "us-west-1"}}),
            absl::FailedPreconditionError(
                "cannot write s3://data/w/x: PermanentRedirect; the bucket is in the region "
                "us-west-1, not eu-west-1: set `region` in the section `s3`"));
  EXPECT_EQ(
      StatusOf(400, ErrorBody("ExpiredToken")),
      absl::UnavailableError("cannot write s3://data/w/x: ExpiredToken (Said.); renew or mend the "
                             "credentials, which are AK1 (from AWS_ACCESS_KEY_ID)"));
  EXPECT_THAT(std::string(StatusOf(403, ErrorBody("RequestTimeTooSkewed")).message()),
              HasSubstr("set the clock of this machine"));
  EXPECT_EQ(StatusOf(503, ErrorBody("SlowDown")),
            absl::UnavailableError("cannot write s3://data/w/x: SlowDown (Said.); check the object "
                                   "store at https://s3.eu-west-1.amazonaws.com"));
  EXPECT_EQ(StatusOf(502, "<html>Bad Gateway</html>").code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(StatusOf(412, ErrorBody("PreconditionFailed")).code(),
            absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace forebay
