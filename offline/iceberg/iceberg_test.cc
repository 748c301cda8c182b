#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "offline/change_log/change_rows.h"
#include "offline/delta/delta_table.h"
#include "offline/iceberg/avro.h"
#include "offline/iceberg/iceberg_export.h"
#include "offline/iceberg/manifest.h"
#include "offline/iceberg/table_metadata.h"

namespace forebay {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'700'000'000'000'000;

TEST(AvroTest, BytesAreThoseOfTheSpecification) {
  AvroEncoder out;
  for (int64_t value : {0, -1, 1, -64, 64}) out.Long(value);
  EXPECT_EQ(out.bytes(), std::string("\x00\x01\x02\x7f\x80\x01", 6));
  AvroEncoder text;
  text.Text("foo");
  text.Bool(true);
  text.Null();
  text.Present();
  EXPECT_EQ(text.bytes(), std::string("\x06"
                                      "foo\x01\x00\x02",
                                      7));
}

TEST(AvroTest, ReadsWhatItWrote) {
  AvroEncoder out;
  const std::vector<int64_t> values = {INT64_MIN, INT64_MAX, -1, 0, 1'000'000};
  for (int64_t value : values) out.Long(value);
  out.Text(std::string(300, 'x'));
  const AvroFile file{
      .metadata = {{"avro.schema", "{}"}, {"a", "b"}}, .records = 1, .body = out.bytes()};
  const std::string bytes = EncodeAvroFile(file);
  AvroFile read = DecodeAvroFile(bytes).value();
  EXPECT_EQ(read.metadata.at("a"), "b");
  EXPECT_EQ(read.records, 1);
  AvroDecoder in(read.body);
  for (int64_t value : values) EXPECT_EQ(in.Long(), value);
  EXPECT_EQ(in.Text(), std::string(300, 'x'));
  EXPECT_TRUE(in.ok() && in.at_end());
}

TEST(AvroTest, NoPrefixOfAFileIsTakenForAWholeOne) {
  AvroEncoder out;
  out.Text("a row");
  const AvroFile file{.metadata = {{"avro.schema", "{}"}}, .records = 1, .body = out.bytes()};
  const std::string bytes = EncodeAvroFile(file);
  const std::string empty = EncodeAvroFile({.metadata = file.metadata});
  for (size_t size = 0; size < bytes.size(); ++size) {
    if (size == empty.size()) continue;  // a file of no rows
    EXPECT_FALSE(DecodeAvroFile(bytes.substr(0, size)).ok()) << size;
  }
}

std::vector<ManifestEntry> SomeEntries() {
  return {{.status = EntryStatus::kAdded,
           .snapshot_id = 7,
           .sequence_number = 3,
           .file = {.path = "file:///t/a",
                    .day = -1,
                    .records = 5,
                    .size = 99,
                    .value_counts = {{1, 5}, {2, 5}},
                    .null_counts = {{1, 0}, {2, 4}}}},
          {.status = EntryStatus::kExisting,
           .snapshot_id = 6,
           .sequence_number = 2,
           .file = {.path = "file:///t/b", .day = 19'675, .records = 2, .size = 10}},
          {.status = EntryStatus::kDeleted,
           .snapshot_id = 7,
           .sequence_number = 1,
           .file = {.path = "file:///t/c", .records = 1, .size = 10}}};
}

TEST(ManifestTest, ReadsWhatItWrote) {
  const std::string bytes =
      EncodeManifest({.schema = "{}", .schema_id = 1, .date_id = 9}, SomeEntries());
  EXPECT_EQ(DecodeManifest(bytes).value(), SomeEntries());
  EXPECT_TRUE(absl::IsDataLoss(DecodeManifest(bytes.substr(0, bytes.size() - 20)).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeManifestList(bytes).status())) << "it is no manifest list";
}

TEST(ManifestTest, AListSaysWhatIsInAManifest) {
  ManifestFile manifest = SummarizeManifest(SomeEntries(), 7, 3);
  manifest.path = "file:///t/metadata/m.avro";
  manifest.size = 1000;
  EXPECT_THAT(manifest.files, ElementsAre(1, 1, 1));
  EXPECT_THAT(manifest.records, ElementsAre(2, 5, 1));
  EXPECT_EQ(manifest.min_sequence_number, 2);
  EXPECT_EQ(manifest.first_day, -1);
  EXPECT_EQ(manifest.last_day, 19'675);
  EXPECT_TRUE(manifest.some_without_day);
  const std::string bytes = EncodeManifestList(7, 6, 3, {manifest, manifest});
  EXPECT_THAT(DecodeManifestList(bytes).value(), ElementsAre(manifest, manifest));
}

class IcebergExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = ::testing::TempDir() + "iceberg_" +
              ::testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    store_ = OpenObjectStore(StoreUri::Folder(folder_));
    auto schema = ChangeSchema(project_.feature_views(0), project_.entities(0));
    table_ = DeltaTable::OpenOrCreate(store_, "t", *schema, kNow).value();
  }
  void TearDown() override { fs::remove_all(folder_); }

  static AddAction File(const std::string& name) {
    return {.path = "date=2023-11-14/" + name,
            .partition_values = {{"date", "2023-11-14"}},
            .size = 7,
            .modified_ms = 8,
            .stats = R"({"numRecords":1})"};
  }

  // Of a file that is empty: an export looks at its name alone.
  void Append(const std::string& name) {
    AddAction file = File(name);
    ASSERT_TRUE(store_->Put("t/" + file.path, "").ok());
    ASSERT_TRUE(table_->Append({.files = {file}}, kNow).ok());
  }

  void Replace(const std::vector<std::string>& names, const std::string& by, bool data_change) {
    RewriteRequest request{.operation = "OPTIMIZE", .data_change = data_change};
    request.replacements.emplace_back();
    for (const std::string& name : names)
      request.replacements[0].removed.push_back(File(name).path);
    if (!by.empty()) request.replacements[0].added.push_back(File(by));
    ASSERT_TRUE(store_->Put("t/date=2023-11-14/" + by, "").ok());
    ASSERT_TRUE(table_->Rewrite(request, kNow).ok());
  }

  IcebergExport Export() {
    auto done =
        ExportToIceberg(store_.get(), "t", IcebergLocation(StoreUri::Folder(folder_), "t").value());
    EXPECT_TRUE(done.ok()) << done.status();
    return done.value_or(IcebergExport());
  }

  TableMetadata Metadata(int number) {
    return DecodeTableMetadata(
               store_->Get("t/metadata/v" + std::to_string(number) + ".metadata.json").value())
        .value();
  }

  // "existing a, added b": what the manifests of a snapshot say, by path.
  std::vector<std::string> Entries(const IcebergSnapshot& snapshot) {
    auto get = [&](const std::string& uri) {
      return store_->Get("t/metadata/" + uri.substr(uri.rfind('/') + 1)).value();
    };
    std::vector<std::string> lines;
    const auto list = DecodeManifestList(get(snapshot.manifest_list)).value();
    for (const ManifestFile& manifest : list) {
      const auto entries = DecodeManifest(get(manifest.path)).value();
      for (const ManifestEntry& entry : entries) {
        const char* status[] = {"existing", "added", "deleted"};
        lines.push_back(entry.file.path.substr(entry.file.path.rfind('/') + 1) + " " +
                        status[static_cast<int>(entry.status)] + " in " +
                        std::to_string(entry.sequence_number));
      }
    }
    std::sort(lines.begin(), lines.end());
    return lines;
  }

  std::string folder_;
  std::shared_ptr<ObjectStore> store_;
  v1::Project project_ = TestProject();
  std::unique_ptr<DeltaTable> table_;
};

TEST_F(IcebergExportTest, OneDeltaVersionIsOneSnapshot) {
  Append("a");
  IcebergExport first = Export();
  EXPECT_TRUE(first.is_new);
  EXPECT_EQ(first.delta_version, 1);
  IcebergExport again = Export();
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.snapshot_id, first.snapshot_id);
  EXPECT_EQ(again.metadata, first.metadata);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ + "/t/metadata"), {}), 4)
      << "metadata, hint, list and manifest";
}

TEST_F(IcebergExportTest, SnapshotsSayWhatChanged) {
  Append("a");
  Append("b");
  Export();
  Append("c");
  EXPECT_EQ(Export().operation, "append");
  Replace({"a", "c"}, "ac", /*data_change=*/false);
  EXPECT_EQ(Export().operation, "replace");
  Replace({"b"}, "b2", /*data_change=*/true);
  EXPECT_EQ(Export().operation, "overwrite");
  TableMetadata metadata = Metadata(4);
  ASSERT_EQ(metadata.snapshots.size(), 4u);
  EXPECT_THAT(Entries(metadata.snapshots[1]),
              ElementsAre("a added in 1", "b added in 1", "c added in 2"));
  EXPECT_THAT(Entries(metadata.snapshots[2]),
              ElementsAre("a deleted in 1", "ac added in 3", "b existing in 1", "c deleted in 2"));
  EXPECT_THAT(Entries(metadata.snapshots[3]),
              ElementsAre("ac added in 3", "b deleted in 1", "b2 added in 4"));
  for (size_t i = 1; i < metadata.snapshots.size(); ++i)
    EXPECT_EQ(metadata.snapshots[i].parent_id, metadata.snapshots[i - 1].id);
  EXPECT_EQ(metadata.snapshots[3].summary.at("total-data-files"), "2");
}

TEST_F(IcebergExportTest, ManyManifestsAreMerged) {
  for (int i = 0; i < 24; ++i) {
    Append("f" + std::to_string(100 + i));
    Export();
  }
  IcebergSnapshot newest = Metadata(24).snapshots.back();
  EXPECT_EQ(Entries(newest).size(), 24u);
  const std::string list =
      store_->Get("t/metadata/" + newest.manifest_list.substr(newest.manifest_list.rfind('/') + 1))
          .value();
  EXPECT_LE(DecodeManifestList(list).value().size(), 17u);
  EXPECT_FALSE(fs::exists(folder_ + "/t/metadata/v1.metadata.json")) << "old ones are removed";
}

TEST_F(IcebergExportTest, SnapshotsWhoseFilesAreGoneAreTakenOut) {
  Append("a");
  Export();
  Append("b");
  Export();
  Replace({"a", "b"}, "ab", /*data_change=*/false);
  Export();
  ASSERT_TRUE(store_->Delete("t/" + File("a").path).ok());
  IcebergExport done = Export();
  EXPECT_EQ(done.expired, 2);
  EXPECT_FALSE(done.is_new);
  EXPECT_EQ(Metadata(4).snapshots.size(), 1u);
  EXPECT_THAT(Entries(Metadata(4).snapshots[0]),
              ElementsAre("a deleted in 1", "ab added in 3", "b deleted in 2"));
  int manifests = 0;
  for (const auto& file : fs::directory_iterator(folder_ + "/t/metadata"))
    manifests += file.path().extension() == ".avro" ? 1 : 0;
  EXPECT_EQ(manifests, 3) << "a list and two manifests";
}

TEST_F(IcebergExportTest, BeginsAnewWhereItsFilesWereRemoved) {
  Append("a");
  Export();
  for (const auto& file : fs::directory_iterator(folder_ + "/t/metadata"))
    if (file.path().extension() == ".avro") fs::remove(file.path());
  IcebergExport done = Export();
  EXPECT_TRUE(done.is_new);
  EXPECT_THAT(done.metadata, HasSubstr("v2.metadata.json"));
  EXPECT_EQ(Metadata(2).snapshots.size(), 1u);
  EXPECT_THAT(Entries(Metadata(2).snapshots[0]), ElementsAre("a added in 1"));
}

TEST_F(IcebergExportTest, RefusesToGoOnAfterAnotherWriter) {
  Append("a");
  Export();
  const std::string path = "t/metadata/v1.metadata.json";
  std::string text = store_->Get(path).value();
  text.replace(text.find("forebay.delta-version"), 7, "another");
  ASSERT_TRUE(store_->Put(path, text).ok());
  auto done = ExportToIceberg(store_.get(), "t", "file:///t");
  EXPECT_TRUE(absl::IsFailedPrecondition(done.status())) << done.status();
  EXPECT_THAT(std::string(done.status().message()), HasSubstr("another program"));
}

TEST_F(IcebergExportTest, OfTwoExportersOneWritesTheSnapshot) {
  Append("a");
  std::vector<std::thread> exporters;
  for (int i = 0; i < 4; ++i) exporters.emplace_back([&] { Export(); });
  for (std::thread& exporter : exporters) exporter.join();
  EXPECT_EQ(Metadata(1).snapshots.size(), 1u);
  EXPECT_FALSE(fs::exists(folder_ + "/t/metadata/v2.metadata.json"));
}

}  // namespace
}  // namespace forebay
