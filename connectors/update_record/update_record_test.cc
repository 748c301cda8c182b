#include "connectors/update_record/update_record.h"

#include <arrow/api.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/escaping.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Headers = std::vector<std::pair<std::string, std::string>>;

constexpr v1::DataType kTypes[] = {v1::BOOL,   v1::INT64, v1::DOUBLE,
                                   v1::STRING, v1::BYTES, v1::TIMESTAMP};

v1::Project ProjectOf(const std::vector<v1::DataType>& keys,
                      const std::vector<v1::DataType>& features) {
  v1::Project project;
  project.set_name("fraud");
  project.add_entities()->set_name("other");
  v1::Entity* entity = project.add_entities();
  entity->set_name("user");
  for (v1::DataType type : keys) {
    v1::Field* key = entity->add_keys();
    key->set_name("key_" + std::to_string(entity->keys_size()));
    key->set_type(type);
  }
  v1::FeatureView* view = project.add_feature_views();
  view->set_name("user_spend");
  view->set_version(2);
  view->set_entity("user");
  for (v1::DataType type : features) {
    v1::Feature* feature = view->add_features();
    feature->set_name("feature_" + std::to_string(view->features_size()));
    feature->set_type(type);
  }
  return project;
}

// Values of a change record, in the order of ChangeSchema.
using Row = std::vector<Value>;

void Append(const Value& value, arrow::ArrayBuilder* builder) {
  if (IsNull(value)) {
    ASSERT_TRUE(builder->AppendNull().ok());
    return;
  }
  switch (builder->type()->id()) {
    case arrow::Type::BOOL:
      ASSERT_TRUE(static_cast<arrow::BooleanBuilder*>(builder)->Append(std::get<bool>(value)).ok());
      return;
    case arrow::Type::INT32:
      ASSERT_TRUE(static_cast<arrow::Int32Builder*>(builder)
                      ->Append(static_cast<int32_t>(std::get<int64_t>(value)))
                      .ok());
      return;
    case arrow::Type::INT64:
      ASSERT_TRUE(
          static_cast<arrow::Int64Builder*>(builder)->Append(std::get<int64_t>(value)).ok());
      return;
    case arrow::Type::TIMESTAMP:
      ASSERT_TRUE(
          static_cast<arrow::TimestampBuilder*>(builder)->Append(std::get<int64_t>(value)).ok());
      return;
    case arrow::Type::DOUBLE:
      ASSERT_TRUE(
          static_cast<arrow::DoubleBuilder*>(builder)->Append(std::get<double>(value)).ok());
      return;
    default:
      ASSERT_TRUE(
          static_cast<arrow::BinaryBuilder*>(builder)->Append(std::get<std::string>(value)).ok());
  }
}

std::shared_ptr<arrow::RecordBatch> BatchOf(const v1::Project& project,
                                            const std::vector<Row>& rows) {
  std::shared_ptr<arrow::Schema> schema =
      ChangeSchema(project.feature_views(0), project.entities(1));
  arrow::ArrayVector columns;
  for (int i = 0; i < schema->num_fields(); ++i) {
    std::unique_ptr<arrow::ArrayBuilder> builder =
        arrow::MakeBuilder(schema->field(i)->type()).ValueOrDie();
    for (const Row& row : rows) Append(row[i], builder.get());
    columns.push_back(builder->Finish().ValueOrDie());
  }
  return arrow::RecordBatch::Make(schema, static_cast<int64_t>(rows.size()), columns);
}

Row MetaColumns(std::string op) {
  return {int64_t{1'356'998'400'123'456},
          int64_t{-1},
          int64_t{0},
          std::move(op),
          int64_t{-42},
          int64_t{3},
          int64_t{77},
          int64_t{12},
          int64_t{2}};
}

Row Joined(Row row, const Row& more) {
  row.insert(row.end(), more.begin(), more.end());
  return row;
}

// The worked example of docs/formats/update_record.md.
TEST(UpdateRecord, IsAsDocumented) {
  v1::Project project = ProjectOf({v1::STRING}, {v1::DOUBLE, v1::INT64, v1::STRING});
  project.mutable_entities(1)->mutable_keys(0)->set_name("user_id");
  v1::FeatureView* view = project.mutable_feature_views(0);
  view->mutable_features(0)->set_name("spend_10m");
  view->mutable_features(1)->set_name("foreign_24h");
  view->mutable_features(2)->set_name("last_country");
  auto batch = BatchOf(project, {Joined({"u1", 12.5, int64_t{3}, {}}, MetaColumns("event"))});
  EncodedRecord record;
  UpdateRecordEncoder(project, 0, "transactions").Encode(*batch, 0, &record);
  EXPECT_EQ(record.key, "u1");
  EXPECT_EQ(record.value,
            R"({"user_id":"u1","spend_10m":12.5,"foreign_24h":3,"last_country":null,)"
            R"("_effective_time":"2013-01-01T00:00:00.123456Z",)"
            R"("_event_time":"1969-12-31T23:59:59.999999Z",)"
            R"("_known_time":"1970-01-01T00:00:00.000000Z","_op":"event","_key_hash":-42,)"
            R"("_source_partition":3,"_source_offset":77,"_ordinal":12,"_view_version":2})");
  EXPECT_EQ(record.headers, (Headers{{"forebay-source", "transactions/3/77/12"},
                                     {"forebay-effective-time", "1356998400123456"},
                                     {"forebay-view-version", "2"}}));
  EXPECT_EQ(UpdateTopic(project, 0), "fraud.user_spend.v2");
}

TEST(UpdateRecord, OfADeleteIsATombstoneAndTheNextOneIsNot) {
  v1::Project project = ProjectOf({v1::INT64}, {v1::INT64});
  auto batch = BatchOf(project, {Joined({int64_t{5}, int64_t{0}}, MetaColumns("delete")),
                                 Joined({int64_t{6}, int64_t{1}}, MetaColumns("expire"))});
  UpdateRecordEncoder encoder(project, 0, "t");
  EncodedRecord record;
  encoder.Encode(*batch, 0, &record);
  EXPECT_EQ(record.key, "5");
  EXPECT_EQ(record.value, std::nullopt);
  EXPECT_EQ(record.headers.size(), 3);
  encoder.Encode(*batch, 1, &record);
  EXPECT_EQ(record.key, "6");
  EXPECT_EQ(Json::parse(record.value.value())["_op"], "expire");
}

TEST(UpdateRecord, InfinitiesAreStrings) {
  v1::Project project = ProjectOf({v1::BOOL}, {v1::DOUBLE, v1::DOUBLE});
  double infinity = std::numeric_limits<double>::infinity();
  auto batch = BatchOf(project, {Joined({true, infinity, -infinity}, MetaColumns("event"))});
  EncodedRecord record;
  UpdateRecordEncoder(project, 0, "t").Encode(*batch, 0, &record);
  EXPECT_EQ(record.key, R"({"key_1":true})");
  EXPECT_TRUE(record.value->starts_with(
      R"({"key_1":true,"feature_1":"Infinity","feature_2":"-Infinity",)"));
}

class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  Value Next(v1::DataType type) {
    constexpr std::string_view kTexts[] = {"a", "\"", "\\", "\n", "é", "𝄞", "/", "\x01", "\x7f"};
    std::string text;
    switch (type) {
      case v1::BOOL:
        return Below(2) == 1;
      case v1::INT64:
        return static_cast<int64_t>(random_() >> Below(64));
      case v1::TIMESTAMP:
        return static_cast<int64_t>(kMinTime + Below(kMaxTime - kMinTime + 1));
      case v1::DOUBLE: {
        double value = std::bit_cast<double>(random_());
        return std::isfinite(value) && Below(2) == 0 ? value : static_cast<double>(Below(100)) / 8;
      }
      case v1::STRING:
        for (uint64_t n = Below(6); n > 0; --n) text += kTexts[Below(std::size(kTexts))];
        return text;
      default:
        for (uint64_t n = Below(6); n > 0; --n) text += static_cast<char>(random_());
        return text;
    }
  }

 private:
  std::mt19937_64 random_;
};

// What a reader makes of a JSON value of a column.
Value Read(const Json& json, DataType type) {
  if (json.is_null()) return {};
  switch (type) {
    case DataType::kBool:
      return json.get<bool>();
    case DataType::kInt64:
      return json.get<int64_t>();
    case DataType::kDouble:
      return json.get<double>();
    case DataType::kString:
      return json.get<std::string>();
    case DataType::kTimestamp:
      return ParseTime(json.get<std::string>()).value();
    case DataType::kBytes:
      break;
  }
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(json.get<std::string>(), &bytes));
  return bytes;
}

bool SameBits(const Value& a, const Value& b) {
  if (std::holds_alternative<double>(a) && std::holds_alternative<double>(b)) {
    return std::bit_cast<uint64_t>(std::get<double>(a)) ==
           std::bit_cast<uint64_t>(std::get<double>(b));
  }
  return a == b;
}

TEST(UpdateRecord, RandomRowsReadBackBitForBitFromWholeAndSlicedBatches) {
  RandomRows random(1);
  constexpr v1::DataType kKeyTypes[] = {v1::STRING, v1::INT64, v1::TIMESTAMP, v1::BOOL};
  EncodedRecord record;
  for (int round = 0; round < 100; ++round) {
    std::vector<v1::DataType> keys, types;
    for (uint64_t n = 1 + random.Below(2); n > 0; --n) keys.push_back(kKeyTypes[random.Below(4)]);
    for (uint64_t n = random.Below(8); n > 0; --n) types.push_back(kTypes[random.Below(6)]);
    v1::Project project = ProjectOf(keys, types);
    std::vector<Row> rows;
    for (int i = 0; i < 20; ++i) {
      Row row;
      for (v1::DataType type : keys) row.push_back(random.Next(type));
      for (v1::DataType type : types) {
        row.push_back(random.Below(5) == 0 ? Value() : random.Next(type));
      }
      rows.push_back(Joined(row, MetaColumns("event")));
    }
    std::shared_ptr<arrow::RecordBatch> batch = BatchOf(project, rows);
    int64_t first = static_cast<int64_t>(random.Below(3)) * 5;
    UpdateRecordEncoder encoder(project, 0, "t");
    for (int64_t i = first; i < batch->num_rows(); ++i) {
      encoder.Encode(*batch->Slice(first), i - first, &record);
      const Row& row = rows[i];
      EXPECT_EQ(record.key,
                KeyText(project.entities(1), absl::MakeSpan(row).subspan(0, keys.size())));
      Json json = Json::parse(record.value.value());
      ASSERT_EQ(json.size(), row.size());
      size_t column = 0;
      for (const auto& [name, value] : json.items()) {
        EXPECT_EQ(name, batch->schema()->field(static_cast<int>(column))->name());
        v1::DataType type = column < keys.size()                  ? keys[column]
                            : column < keys.size() + types.size() ? types[column - keys.size()]
                                                                  : v1::DATA_TYPE_UNSPECIFIED;
        if (type != v1::DATA_TYPE_UNSPECIFIED) {
          EXPECT_TRUE(SameBits(Read(value, static_cast<DataType>(type)), row[column])) << value;
        }
        ++column;
      }
    }
  }
}

}  // namespace
}  // namespace forebay
