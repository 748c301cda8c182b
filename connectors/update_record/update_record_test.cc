#include "connectors/update_record/update_record.h"

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "absl/strings/escaping.h"
#include "connectors/update_record/change_reader.h"
#include "connectors/update_record/protobuf_schema.h"
#include "connectors/update_record/update_reader.h"
#include "engine/batch/change_batch.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"
#include "schemas/types/json.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using Json = nlohmann::ordered_json;
using Headers = std::array<std::pair<std::string_view, std::string_view>, 3>;

constexpr v1::DataType kTypes[] = {v1::BOOL,        v1::INT64,      v1::DOUBLE,
                                   v1::STRING,      v1::BYTES,      v1::TIMESTAMP,
                                   v1::BOOL_LIST,   v1::INT64_LIST, v1::DOUBLE_LIST,
                                   v1::STRING_LIST, v1::BYTES_LIST, v1::TIMESTAMP_LIST};

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

TaskId TaskOf(std::string topic) { return {std::move(topic), PartitionId(3)}; }

// Values of a change record, in the order of ChangeSchema.
using Row = std::vector<Value>;

void Append(const Value& value, arrow::ArrayBuilder* builder) {
  if (IsNull(value)) {
    ASSERT_TRUE(builder->AppendNull().ok());
    return;
  }
  switch (builder->type()->id()) {
    case arrow::Type::LIST: {
      auto* list = static_cast<arrow::ListBuilder*>(builder);
      ASSERT_TRUE(list->Append().ok());
      for (const ValueElement& element : std::get<ValueList>(value))
        Append(std::visit([](const auto& scalar) { return Value(scalar); }, element),
               list->value_builder());
      return;
    }
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

// Makes `out` the records of change records.
void Encode(const v1::Project& project, const TaskId& task, const arrow::RecordBatch& rows,
            EncodedUpdates* out) {
  UpdateRecordEncoder encoder(project, 0, task);
  out->Clear();
  ChangeReader reader(rows, project.feature_views(0), project.entities(1));
  for (int64_t row = 0; row < rows.num_rows(); ++row)
    encoder.Append(reader.ChangeAt(row), reader.FeaturesAt(row), out);
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
  view->set_update_headers(v1::FeatureView::HEADERS_ALL);
  EncodedUpdates updates;
  Encode(project, TaskOf("transactions"), *batch, &updates);
  ASSERT_EQ(updates.size(), 1u);
  EncodedUpdate record = updates[0];
  EXPECT_EQ(record.key, "u1");
  EXPECT_EQ(record.value,
            R"({"user_id":"u1","spend_10m":12.5,"foreign_24h":3,"last_country":null,)"
            R"("_effective_time":"2013-01-01T00:00:00.123456Z",)"
            R"("_event_time":"1969-12-31T23:59:59.999999Z",)"
            R"("_known_time":"1970-01-01T00:00:00.000000Z","_op":"event","_key_hash":-42,)"
            R"("_source_partition":3,"_source_offset":77,"_ordinal":12,"_view_version":2})");
  EXPECT_THAT(record.headers(),
              ::testing::ElementsAre(std::pair("forebay-source", "transactions/3/77/12"),
                                     std::pair("forebay-effective-time", "1356998400123456"),
                                     std::pair("forebay-view-version", "2")));
  EXPECT_EQ(UpdateTopic(project, 0), "fraud.user_spend.v2");
}

TEST(UpdateRecord, OfADeleteIsATombstoneAndTheNextOneIsNot) {
  v1::Project project = ProjectOf({v1::INT64}, {v1::INT64});
  auto batch = BatchOf(project, {Joined({int64_t{5}, int64_t{0}}, MetaColumns("delete")),
                                 Joined({int64_t{6}, int64_t{1}}, MetaColumns("expire"))});
  EncodedUpdates updates;
  Encode(project, TaskOf("t"), *batch, &updates);
  ASSERT_EQ(updates.size(), 2u);
  EXPECT_EQ(updates[0].key, "5");
  EXPECT_EQ(updates[0].value, std::nullopt);
  EXPECT_EQ(updates[0].headers()[0].second, "t/3/77/12");
  EXPECT_EQ(updates[1].key, "6");
  EXPECT_EQ(Json::parse(updates[1].value.value())["_op"], "expire");
}

// The same records, but for headers that a value repeats.
TEST(UpdateRecord, HeadersAreOnDeletesOrOnAll) {
  v1::Project project = ProjectOf({v1::INT64}, {v1::INT64});
  auto batch = BatchOf(project, {Joined({int64_t{5}, int64_t{0}}, MetaColumns("expire")),
                                 Joined({int64_t{5}, int64_t{1}}, MetaColumns("delete")),
                                 Joined({int64_t{5}, int64_t{2}}, MetaColumns("event"))});
  EncodedUpdates all, some;
  project.mutable_feature_views(0)->set_update_headers(v1::FeatureView::HEADERS_ALL);
  Encode(project, TaskOf("t"), *batch, &all);
  project.mutable_feature_views(0)->set_update_headers(v1::FeatureView::HEADERS_DELETES);
  Encode(project, TaskOf("t"), *batch, &some);
  ASSERT_EQ(some.size(), all.size());
  for (size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(some[i].key, all[i].key);
    EXPECT_EQ(some[i].value, all[i].value);
    EXPECT_EQ(all[i].headers().size(), 3u);
  }
  EXPECT_TRUE(some[0].headers().empty());
  EXPECT_EQ(some[1].headers(), all[1].headers());
  EXPECT_TRUE(some[2].headers().empty());
}

TEST(UpdateRecord, InfinitiesAreStrings) {
  v1::Project project = ProjectOf({v1::BOOL}, {v1::DOUBLE, v1::DOUBLE});
  double infinity = std::numeric_limits<double>::infinity();
  auto batch = BatchOf(project, {Joined({true, infinity, -infinity}, MetaColumns("event"))});
  EncodedUpdates updates;
  Encode(project, TaskOf("t"), *batch, &updates);
  EncodedUpdate record = updates[0];
  EXPECT_EQ(record.key, R"({"key_1":true})");
  EXPECT_TRUE(record.value->starts_with(
      R"({"key_1":true,"feature_1":"Infinity","feature_2":"-Infinity",)"));
}

class RandomRows {
 public:
  explicit RandomRows(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  Value Next(v1::DataType type) {
    if (!IsList(static_cast<DataType>(type))) return NextScalar<Value>(type);
    auto element = static_cast<v1::DataType>(ElementType(static_cast<DataType>(type)));
    ValueList list(1 + Below(5));
    for (ValueElement& value : list) value = NextScalar<ValueElement>(element);
    return list;
  }

  template <typename Owned>
  Owned NextScalar(v1::DataType type) {
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

template <typename Owned>
Owned ReadScalar(const Json& json, DataType type) {
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

// What a reader makes of a JSON value of a column.
Value Read(const Json& json, DataType type) {
  if (json.is_null()) return {};
  if (!IsList(type)) return ReadScalar<Value>(json, type);
  ValueList list;
  for (const Json& element : json)
    list.push_back(ReadScalar<ValueElement>(element, ElementType(type)));
  return list;
}

// Values or elements.
template <typename Owned>
bool SameScalarBits(const Owned& a, const Owned& b) {
  if (std::holds_alternative<double>(a) && std::holds_alternative<double>(b)) {
    return std::bit_cast<uint64_t>(std::get<double>(a)) ==
           std::bit_cast<uint64_t>(std::get<double>(b));
  }
  return a == b;
}

bool SameBits(const Value& a, const Value& b) {
  const auto *list = std::get_if<ValueList>(&a), *other = std::get_if<ValueList>(&b);
  if (list == nullptr || other == nullptr) return SameScalarBits(a, b);
  return std::equal(list->begin(), list->end(), other->begin(), other->end(),
                    SameScalarBits<ValueElement>);
}

// A project with random columns, and rows of it.
struct RandomBatch {
  explicit RandomBatch(RandomRows* random) {
    constexpr v1::DataType kKeyTypes[] = {v1::STRING, v1::INT64, v1::TIMESTAMP, v1::BOOL};
    for (uint64_t n = 1 + random->Below(2); n > 0; --n) {
      types.push_back(kKeyTypes[random->Below(4)]);
    }
    keys = types.size();
    for (uint64_t n = random->Below(30); n > 0; --n)
      types.push_back(kTypes[random->Below(std::size(kTypes))]);
    project = ProjectOf({types.begin(), types.begin() + keys}, {types.begin() + keys, types.end()});
    for (int i = 0; i < 20; ++i) {
      Row row;
      for (v1::DataType type : types) {
        bool null = row.size() >= keys && random->Below(5) == 0;
        row.push_back(null ? Value() : random->Next(type));
      }
      rows.push_back(Joined(row, MetaColumns(random->Below(2) == 0 ? "event" : "expire")));
    }
    batch = BatchOf(project, rows);
  }

  std::vector<v1::DataType> types;  // of keys and features
  size_t keys = 0;
  v1::Project project;
  std::vector<Row> rows;
  std::shared_ptr<arrow::RecordBatch> batch;
};

// The members as one writer has them, one after the other.
std::string ObjectOf(const RandomBatch& made, const Row& row) {
  constexpr DataType kStep[] = {DataType::kTimestamp, DataType::kTimestamp, DataType::kTimestamp,
                                DataType::kString,    DataType::kInt64,     DataType::kInt64,
                                DataType::kInt64,     DataType::kInt64,     DataType::kInt64};
  std::string object;
  for (size_t i = 0; i < row.size(); ++i) {
    bool step = i >= made.types.size();
    object += i == 0 ? '{' : ',';
    AppendJsonString(made.batch->schema()->field(static_cast<int>(i))->name(), &object);
    object += ':';
    AppendJsonValue(row[i],
                    step ? kStep[i - made.types.size()] : static_cast<DataType>(made.types[i]),
                    &object);
  }
  return object + '}';
}

TEST(UpdateRecord, RandomRowsReadBackBitForBitFromWholeAndSlicedBatches) {
  RandomRows random(1);
  EncodedUpdates updates;
  for (int round = 0; round < 100; ++round) {
    RandomBatch made(&random);
    size_t first = random.Below(3) * 5;
    Encode(made.project, TaskOf("t"), *made.batch->Slice(static_cast<int64_t>(first)), &updates);
    ASSERT_EQ(updates.size(), made.rows.size() - first);
    for (size_t i = first; i < made.rows.size(); ++i) {
      EncodedUpdate record = updates[i - first];
      const Row& row = made.rows[i];
      EXPECT_EQ(record.key,
                KeyText(made.project.entities(1), absl::MakeSpan(row).subspan(0, made.keys)));
      EXPECT_EQ(record.value, ObjectOf(made, row));
      Json json = Json::parse(record.value.value());
      ASSERT_EQ(json.size(), row.size());
      size_t column = 0;
      for (const auto& [name, value] : json.items()) {
        EXPECT_EQ(name, made.batch->schema()->field(static_cast<int>(column))->name());
        if (column < made.types.size()) {
          Value read = Read(value, static_cast<DataType>(made.types[column]));
          EXPECT_TRUE(SameBits(read, row[column])) << value;
        }
        ++column;
      }
    }
  }
}

// Steps at offsets 10, 10, 12, 15.
class EncodedUpdatesTest : public ::testing::Test {
 protected:
  EncodedUpdatesTest() : project_(ProjectOf({v1::INT64}, {v1::STRING})) {}

  void Append(int64_t offset, std::string_view text) {
    std::string key;
    AppendKeyInt(offset, &key);
    Scalar feature = Scalar::String(text);
    UpdateRecordEncoder(project_, 0, TaskOf("t"))
        .Append({.key = HashedKey(key), .known_time = 7 * offset, .offset = offset}, &feature,
                &updates_);
  }

  v1::Project project_;
  EncodedUpdates updates_;
};

TEST_F(EncodedUpdatesTest, AreFoundByTheirOffsets) {
  EXPECT_EQ(updates_.FirstAfter(Offset(-1)), 0u);
  for (int64_t offset : {10, 10, 12, 15}) Append(offset, "");
  const std::pair<int64_t, size_t> kFirst[] = {{-1, 0}, {9, 0},  {10, 2}, {11, 2},
                                               {12, 3}, {14, 3}, {15, 4}, {99, 4}};
  for (auto [position, first] : kFirst) EXPECT_EQ(updates_.FirstAfter(Offset(position)), first);
  EXPECT_EQ(updates_.offset(2), Offset(12));
  EXPECT_EQ(updates_.known_time(2), KnownTime(84));
}

TEST_F(EncodedUpdatesTest, StayWhereTheyAreWhileMoreAreAddedAndWhenMoved) {
  std::vector<EncodedUpdate> before;
  for (int64_t i = 0; i < 3'000; ++i) {
    Append(i, std::string(i, 'a'));
    before.push_back(updates_[i]);
  }
  EncodedUpdates moved = std::move(updates_);
  ASSERT_EQ(moved.size(), before.size());
  for (size_t i = 0; i < before.size(); ++i) {
    EXPECT_EQ(moved[i].key.data(), before[i].key.data());
    EXPECT_EQ(moved[i].value->data(), before[i].value->data());
    EXPECT_EQ(moved[i].value, before[i].value);
    EXPECT_EQ(moved[i].key, std::to_string(i));
    EXPECT_EQ(Json::parse(*moved[i].value)["feature_1"].get<std::string>().size(), i);
  }
  EXPECT_EQ(moved.most_payload(), before.back().payload());
}

TEST_F(EncodedUpdatesTest, KeepTheirMemoryForTheNextOnes) {
  auto fill = [&] {
    updates_.Clear();
    EXPECT_TRUE(updates_.empty());
    EXPECT_EQ(updates_.most_payload(), 0u);
    for (int64_t i = 0; i < 1'000; ++i) Append(i, std::string(i % 7 * 500, 'a'));
    return updates_.capacity();
  };
  size_t capacity = fill();
  for (int round = 0; round < 3; ++round) EXPECT_EQ(fill(), capacity);
}

// The message that protoc would make of a view's .proto text.
class CompiledProto {
 public:
  explicit CompiledProto(const std::string& text) {
    google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    google::protobuf::io::Tokenizer tokenizer(&stream, nullptr);
    google::protobuf::FileDescriptorProto file;
    file.set_name("update.proto");
    EXPECT_TRUE(google::protobuf::compiler::Parser().Parse(&tokenizer, &file)) << text;
    file_ = pool_.BuildFile(file);
    EXPECT_NE(file_, nullptr) << text;
  }

  const google::protobuf::Descriptor& message() const { return *file_->message_type(0); }

  std::unique_ptr<google::protobuf::Message> Parse(std::string_view bytes) {
    std::unique_ptr<google::protobuf::Message> parsed(factory_.GetPrototype(&message())->New());
    EXPECT_TRUE(parsed->ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
    EXPECT_TRUE(parsed->GetReflection()->GetUnknownFields(*parsed).empty());
    return parsed;
  }

 private:
  google::protobuf::DescriptorPool pool_;
  google::protobuf::DynamicMessageFactory factory_;
  const google::protobuf::FileDescriptor* file_;
};

// No elements: null.
Value ListField(const google::protobuf::Message& message,
                const google::protobuf::FieldDescriptor& field) {
  using google::protobuf::FieldDescriptor;
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  ValueList list;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_BOOL:
        list.push_back(reflection.GetRepeatedBool(message, &field, i));
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        list.push_back(reflection.GetRepeatedInt64(message, &field, i));
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        list.push_back(reflection.GetRepeatedDouble(message, &field, i));
        break;
      default:
        list.push_back(reflection.GetRepeatedString(message, &field, i));
    }
  }
  return list.empty() ? Value() : Value(list);
}

Value FieldOf(const google::protobuf::Message& message, int index) {
  using google::protobuf::FieldDescriptor;
  const FieldDescriptor* field = message.GetDescriptor()->field(index);
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  if (field->is_repeated()) return ListField(message, *field);
  if (field->has_presence() && !reflection.HasField(message, field)) return {};
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field);
    case FieldDescriptor::CPPTYPE_INT32:
      return int64_t{reflection.GetInt32(message, field)};
    case FieldDescriptor::CPPTYPE_INT64:
      return reflection.GetInt64(message, field);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return reflection.GetDouble(message, field);
    default:
      return reflection.GetString(message, field);
  }
}

TEST(UpdateRecord, RandomRowsAsProtobufReadBackBitForBit) {
  RandomRows random(2);
  EncodedUpdates updates;
  for (int round = 0; round < 100; ++round) {
    RandomBatch made(&random);
    made.project.mutable_feature_views(0)->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
    CompiledProto proto(UpdateProto(made.project, 0));
    ASSERT_EQ(proto.message().field_count(), static_cast<int>(made.rows[0].size()));
    int64_t first = static_cast<int64_t>(random.Below(3)) * 5;
    Encode(made.project, TaskOf("t"), *made.batch->Slice(first), &updates);
    for (size_t i = 0; i < updates.size(); ++i) {
      auto message = proto.Parse(updates[i].value.value());
      const Row& row = made.rows[i + first];
      for (size_t column = 0; column < row.size(); ++column) {
        EXPECT_EQ(proto.message().field(column)->number(), column + 1);
        EXPECT_TRUE(SameBits(FieldOf(*message, static_cast<int>(column)), row[column]))
            << message->DebugString() << column;
      }
    }
  }
}

// The worked example of docs/formats/update_record.md.
RecordHeaders HeadersOf(const EncodedUpdate& record) {
  RecordHeaders headers;
  for (const auto& [name, value] : record.headers()) headers.emplace_back(name, value);
  return headers;
}

TEST(UpdateReader, ReadsRandomRecordsOfBothFormatsAsTheStepsThatTheyWereMadeOf) {
  RandomRows random(3);
  EncodedUpdates updates;
  for (int round = 0; round < 100; ++round) {
    RandomBatch made(&random);
    v1::FeatureView* view = made.project.mutable_feature_views(0);
    if (round % 2 == 1) view->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
    Encode(made.project, TaskOf("t"), *made.batch, &updates);
    UpdateReader reader(*view, made.project.entities(1), TaskOf("t"));
    ChangeReader rows(*made.batch, *view, made.project.entities(1));
    for (size_t i = 0; i < updates.size(); ++i) {
      const auto row = static_cast<int64_t>(i);
      absl::StatusOr<StepText> step = reader.Read(updates[i].value, HeadersOf(updates[i]));
      ASSERT_TRUE(step.ok()) << step.status();
      EXPECT_EQ(*step, StepTextOf(*view, rows.ChangeAt(row), rows.FeaturesAt(row)));
    }
  }
}

TEST(UpdateReader, SaysWhyARecordIsNoneOfTheTask) {
  v1::Project project = ProjectOf({v1::INT64}, {v1::INT64});
  auto batch = BatchOf(project, {Joined({int64_t{5}, int64_t{0}}, MetaColumns("delete")),
                                 Joined({int64_t{6}, int64_t{1}}, MetaColumns("event"))});
  EncodedUpdates updates;
  Encode(project, TaskOf("t"), *batch, &updates);
  UpdateReader reader(project.feature_views(0), project.entities(1), TaskOf("t"));
  StepText deleted = {.op = ChangeOp::kDelete,
                      .effective_time = 1'356'998'400'123'456,
                      .offset = Offset(77),
                      .ordinal = 12};
  EXPECT_EQ(reader.Read(std::nullopt, HeadersOf(updates[0])).value(), deleted);

  auto why = [&](std::optional<std::string_view> value) {
    return std::string(reader.Read(value, {}).status().message());
  };
  EXPECT_EQ(why(std::nullopt), "it is a tombstone that does not say which step it is");
  EXPECT_EQ(why("{"), "its value is no JSON object");
  EXPECT_EQ(why("hello"), "its value is no whole protobuf message");
  EXPECT_EQ(why(""), "its _source_partition is null, no number");
  EXPECT_EQ(why(R"({"_source_partition":2})"), "it is of source partition 2, in partition 3");
  std::string cut(updates[1].value.value());
  cut.replace(cut.find("\"event\""), 7, "\"evenT\"");
  EXPECT_EQ(why(cut), "its _op is \"evenT\"");
}

TEST(UpdateRecord, AsProtobufIsAsDocumented) {
  v1::Project project = ProjectOf({v1::STRING}, {v1::DOUBLE, v1::INT64, v1::STRING});
  project.mutable_entities(1)->mutable_keys(0)->set_name("user_id");
  v1::FeatureView* view = project.mutable_feature_views(0);
  view->mutable_features(0)->set_name("spend_10m");
  view->mutable_features(1)->set_name("foreign_24h");
  view->mutable_features(2)->set_name("last_country");
  view->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
  auto batch = BatchOf(project, {Joined({"u1", 12.5, int64_t{3}, {}}, MetaColumns("event"))});
  EncodedUpdates updates;
  Encode(project, TaskOf("transactions"), *batch, &updates);
  EXPECT_EQ(absl::BytesToHexString(std::string(updates[0].value.value())),
            "0a027531"            // user_id
            "110000000000002940"  // spend_10m
            "1803"                // foreign_24h; last_country is null
            "28c0c4e6fcecc5b402"  // effective_time
            "30ffffffffffffffffff01"
            "3800"
            "42056576656e74"      // op
            "49d6ffffffffffffff"  // key_hash
            "5003"
            "584d"
            "600c"
            "6802");
  EXPECT_EQ(UpdateProto(project, 0), R"(// Values of the records of topic fraud.user_spend.v2.
syntax = "proto3";

package fraud;

message UserSpendV2 {
  string user_id = 1;
  optional double spend_10m = 2;
  optional int64 foreign_24h = 3;
  optional string last_country = 4;
  int64 effective_time = 5;  // _effective_time: microseconds since 1970-01-01T00:00:00Z
  int64 event_time = 6;  // _event_time: microseconds since 1970-01-01T00:00:00Z
  int64 known_time = 7;  // _known_time: microseconds since 1970-01-01T00:00:00Z
  string op = 8;  // _op
  sfixed64 key_hash = 9;  // _key_hash
  int32 source_partition = 10;  // _source_partition
  int64 source_offset = 11;  // _source_offset
  int32 ordinal = 12;  // _ordinal
  int32 view_version = 13;  // _view_version
}
)");
}

// The examples of lists in docs/formats/update_record.md.
TEST(UpdateRecord, ListsAreAsDocumented) {
  v1::Project project =
      ProjectOf({v1::STRING}, {v1::INT64_LIST, v1::STRING_LIST, v1::TIMESTAMP_LIST, v1::BOOL_LIST});
  auto batch = BatchOf(project, {Joined({"u1",
                                         ValueList{int64_t{1}, int64_t{300}},
                                         ValueList{std::string("US"), std::string()},
                                         {},
                                         ValueList{true, false}},
                                        MetaColumns("event"))});
  EncodedUpdates updates;
  Encode(project, TaskOf("t"), *batch, &updates);
  EXPECT_TRUE(updates[0].value->starts_with(
      R"({"key_1":"u1","feature_1":[1,300],"feature_2":["US",""],"feature_3":null,)"
      R"("feature_4":[true,false],"_effective_time":)"))
      << *updates[0].value;
  project.mutable_feature_views(0)->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
  Encode(project, TaskOf("t"), *batch, &updates);
  std::string hex = absl::BytesToHexString(std::string(updates[0].value.value()));
  EXPECT_TRUE(
      hex.starts_with("0a027531"    // key_1
                      "120301ac02"  // feature_1, packed
                      "1a025553"    // feature_2, an element
                      "1a00"        // and the other; feature_3 is null
                      "2a020100"    // feature_4, packed
                      "30"))
      << hex;
  EXPECT_THAT(UpdateProto(project, 0), ::testing::HasSubstr(R"(
  repeated int64 feature_1 = 2;
  repeated string feature_2 = 3;
  repeated int64 feature_3 = 4;  // microseconds since 1970-01-01T00:00:00Z
  repeated bool feature_4 = 5;
)"));
}

TEST(UpdateRecord, NamesThatProtobufDoesNotAllowAreChangedAndStayDistinct) {
  v1::Project project = ProjectOf({v1::STRING, v1::STRING, v1::STRING}, {v1::INT64, v1::INT64});
  project.set_name("my-shop");
  v1::Entity* entity = project.mutable_entities(1);
  entity->mutable_keys(0)->set_name("@event-Time");
  entity->mutable_keys(1)->set_name("$1");
  entity->mutable_keys(2)->set_name("_");
  project.mutable_feature_views(0)->set_name("user__spend2_x");
  project.mutable_feature_views(0)->mutable_features(0)->set_name("spend_1h");
  project.mutable_feature_views(0)->mutable_features(1)->set_name("spend1h");
  CompiledProto proto(UpdateProto(project, 0));
  EXPECT_EQ(proto.message().full_name(), "my_shop.UserSpend2XV2");
  std::vector<std::string> names;
  names.reserve(8);
  for (int i = 0; i < 8; ++i) names.push_back(proto.message().field(i)->name());
  EXPECT_EQ(names, (std::vector<std::string>{"event_Time", "f_1", "f_", "spend_1h", "spend1h_5",
                                             "effective_time", "event_time_7", "known_time"}));
}

// Bytes that are not UTF-8 read the same from both formats.
TEST(UpdateRecord, StringsAreUtf8InBothFormats) {
  v1::Project project = ProjectOf({v1::INT64}, {v1::STRING});
  std::string text = "long enough \xff\xc3 \xed\xa0\x80 é";
  auto batch = BatchOf(project, {Joined({int64_t{1}, text}, MetaColumns("event"))});
  EncodedUpdates json, protobuf;
  Encode(project, TaskOf("t"), *batch, &json);
  project.mutable_feature_views(0)->set_update_format(v1::FeatureView::UPDATE_PROTOBUF);
  Encode(project, TaskOf("t"), *batch, &protobuf);
  CompiledProto proto(UpdateProto(project, 0));
  EXPECT_EQ(std::get<std::string>(FieldOf(*proto.Parse(protobuf[0].value.value()), 1)),
            Json::parse(json[0].value.value())["feature_1"].get<std::string>());
}

}  // namespace
}  // namespace forebay
