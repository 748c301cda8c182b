#include "offline/training_set/point_in_time_join.h"

#include <arrow/api.h>
#include <arrow/io/memory.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <parquet/arrow/writer.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/join_threads.h"
#include "offline/training_set/key_column.h"
#include "offline/training_set/label_index.h"

namespace forebay {
namespace {

using Key = std::vector<std::optional<std::string>>;  // numbers as their text

struct Row {
  Key key;
  int64_t time = 0;
  int64_t event_time = 0;
  std::string op;
  std::optional<int64_t> count;
  std::optional<std::string> city;
  int32_t partition = 0;
  int64_t offset = 0;

  bool IsWithin(const std::optional<RowBounds>& bounds) const {
    return !bounds || (bounds->contains(partition) && offset < bounds->at(partition));
  }
};

struct Label {
  Key key;
  int64_t time = 0;
};

// What a label gets: (count, city), each as text.
using Answer = std::pair<std::string, std::string>;

constexpr int64_t kMaxAge = 30;

// An entity of keys of these types, and a view of two features: count, default 0, and city.
struct Shop {
  v1::Entity entity;
  v1::FeatureView view;

  explicit Shop(const std::vector<v1::DataType>& types) {
    entity.set_name("shop");
    for (size_t i = 0; i < types.size(); ++i) {
      v1::Field* key = entity.add_keys();
      key->set_name(fmt::format("k{}", i));
      key->set_type(types[i]);
    }
    view.set_name("sales");
    view.set_max_age_us(kMaxAge);
    v1::Feature* count = view.add_features();
    count->set_name("count");
    count->set_type(v1::INT64);
    count->mutable_default_value()->set_int64_value(0);
    v1::Feature* city = view.add_features();
    city->set_name("city");
    city->set_type(v1::STRING);
  }
};

class Random {
 public:
  explicit Random(uint64_t seed) : random_(seed) {}
  int64_t Below(int64_t end) { return static_cast<int64_t>(random_() % end); }

  Key KeyOf(const v1::Entity& entity) {
    Key key;
    for (const v1::Field& field : entity.keys()) {
      const int64_t value = Below(6);
      if (Below(20) == 0) {
        key.emplace_back();
      } else if (field.type() == v1::STRING) {
        key.push_back(value == 0 ? "" : std::string(value * 4, 'x'));
      } else if (field.type() == v1::BOOL) {
        key.push_back(std::to_string(value % 2));
      } else {
        key.push_back(std::to_string(value - 2));
      }
    }
    return key;
  }

 private:
  std::mt19937_64 random_;
};

std::shared_ptr<arrow::Array> Finish(arrow::ArrayBuilder& builder) {
  return builder.Finish().ValueOrDie();
}

std::shared_ptr<arrow::Array> Times(const std::vector<int64_t>& times) {
  arrow::TimestampBuilder builder(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"),
                                  arrow::default_memory_pool());
  EXPECT_TRUE(builder.AppendValues(times).ok());
  return Finish(builder);
}

template <typename Of>
std::shared_ptr<arrow::Array> KeyColumn(const v1::Field& field, int part, const Of& of) {
  auto append = [&](auto& builder, const auto& value) {
    for (const auto& each : of) {
      const auto& text = each.key[part];
      EXPECT_TRUE((text ? builder.Append(value(*text)) : builder.AppendNull()).ok());
    }
    return Finish(builder);
  };
  if (field.type() == v1::STRING) {
    arrow::StringBuilder builder;
    return append(builder, [](const std::string& text) { return text; });
  }
  if (field.type() == v1::BOOL) {
    arrow::BooleanBuilder builder;
    return append(builder, [](const std::string& text) { return text == "1"; });
  }
  arrow::Int64Builder builder;
  return append(builder, [](const std::string& text) { return std::stoll(text); });
}

std::shared_ptr<arrow::RecordBatch> BatchOf(const Shop& shop, const std::vector<Row>& rows) {
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  auto add = [&](const std::string& name, std::shared_ptr<arrow::Array> column) {
    fields.push_back(arrow::field(name, column->type()));
    columns.push_back(std::move(column));
  };
  for (int i = 0; i < shop.entity.keys_size(); ++i)
    add(shop.entity.keys(i).name(), KeyColumn(shop.entity.keys(i), i, rows));
  std::vector<int64_t> times;
  std::vector<int64_t> event_times;
  arrow::StringBuilder ops;
  arrow::StringBuilder cities;
  arrow::Int64Builder counts;
  arrow::Int32Builder partitions;
  arrow::Int64Builder offsets;
  for (const Row& row : rows) {
    times.push_back(row.time);
    event_times.push_back(row.event_time);
    EXPECT_TRUE(ops.Append(row.op).ok());
    EXPECT_TRUE(partitions.Append(row.partition).ok() && offsets.Append(row.offset).ok());
    EXPECT_TRUE((row.count ? counts.Append(*row.count) : counts.AppendNull()).ok());
    EXPECT_TRUE((row.city ? cities.Append(*row.city) : cities.AppendNull()).ok());
  }
  arrow::Int64Builder hashes;
  KeyReader keys(columns);
  std::string encoded;
  for (size_t i = 0; i < rows.size(); ++i) {
    const bool whole = keys.Encode(static_cast<int64_t>(i), &encoded);
    const int64_t hash = whole ? static_cast<int64_t>(HashedKey(encoded).hash) : 0;
    EXPECT_TRUE(hashes.Append(hash).ok());
  }
  add("_key_hash", Finish(hashes));
  add("_effective_time", Times(times));
  add("_event_time", Times(event_times));
  add("_op", Finish(ops));
  add("count", Finish(counts));
  add("_source_partition", Finish(partitions));
  add("_source_offset", Finish(offsets));
  add("city", Finish(cities));
  return arrow::RecordBatch::Make(arrow::schema(fields), static_cast<int64_t>(rows.size()),
                                  columns);
}

std::shared_ptr<arrow::Buffer> FileOf(const arrow::RecordBatch& rows, int64_t group_rows,
                                      bool dictionary) {
  parquet::WriterProperties::Builder properties;
  properties.data_pagesize(300)->write_batch_size(16);
  if (!dictionary) properties.disable_dictionary();
  auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto table = arrow::Table::Make(rows.schema(), rows.columns());
  auto arrow_properties = parquet::ArrowWriterProperties::Builder().store_schema()->build();
  EXPECT_TRUE(parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, group_rows,
                                         properties.build(), arrow_properties)
                  .ok());
  return out->Finish().ValueOrDie();
}

// The answer by looking at every row; of rows of one time, the last.
Answer ByBruteForce(const Label& label, const std::vector<Row>& rows,
                    const std::optional<RowBounds>& bounds) {
  const Answer nothing{"0", "null"};
  if (std::find(label.key.begin(), label.key.end(), std::nullopt) != label.key.end())
    return nothing;
  const Row* newest = nullptr;
  for (const Row& row : rows) {
    if (row.key != label.key || row.time > label.time || !row.IsWithin(bounds)) continue;
    if (newest == nullptr || row.time >= newest->time) newest = &row;
  }
  if (newest == nullptr || newest->op == "delete") return nothing;
  if (label.time - newest->event_time > kMaxAge) return {"null", "null"};
  return {newest->count ? std::to_string(*newest->count) : "null", newest->city.value_or("null")};
}

std::vector<Answer> ByJoin(const Shop& shop, const std::vector<Label>& all,
                           const std::vector<Row>& rows, const std::optional<RowBounds>& bounds,
                           Random* random, JoinReads* reads) {
  Labels labels;
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (int i = 0; i < shop.entity.keys_size(); ++i) {
    columns.push_back(KeyColumn(shop.entity.keys(i), i, all));
    fields.push_back(arrow::field(shop.entity.keys(i).name(), columns.back()->type()));
  }
  labels.table = arrow::Table::Make(arrow::schema(fields), columns);
  for (const Label& label : all) labels.times.emplace_back(label.time);

  // The first rows in files, the others in batches.
  std::vector<std::shared_ptr<arrow::Buffer>> files;
  std::vector<std::shared_ptr<arrow::RecordBatch>> batches;
  for (size_t first = 0; first < rows.size();) {
    const size_t size = std::min<size_t>(1 + random->Below(200), rows.size() - first);
    std::vector<Row> some(rows.begin() + first, rows.begin() + first + size);
    auto batch = BatchOf(shop, some);
    if (first < rows.size() / 2) {
      files.push_back(FileOf(*batch, 1 + random->Below(90), random->Below(2) == 0));
    } else {
      batches.push_back(batch);
    }
    first += size;
  }
  JoinThreads threads(3);
  std::optional<LabelIndex> index(std::in_place, labels, shop.entity, threads);
  PointInTimeJoin join(labels, *index,
                       {.view = &shop.view,
                        .entity = &shop.entity,
                        .features = {0, 1},
                        .key_hashes = HashesOfKeys(labels, shop.entity, 5),
                        .bounds = bounds},
                       threads);
  auto open = [&](size_t file) -> absl::StatusOr<std::shared_ptr<arrow::io::RandomAccessFile>> {
    return std::make_shared<arrow::io::BufferReader>(files[file]);
  };
  auto explain = [](size_t, const std::string& what) { return absl::DataLossError(what); };
  EXPECT_EQ(join.AddFiles({.count = files.size(),
                           .table = BatchOf(shop, {})->schema(),
                           .open = open,
                           .explain = explain,
                           .progress = [](int64_t) {}}),
            absl::OkStatus());
  for (const auto& batch : batches) EXPECT_EQ(join.AddRows(batch), absl::OkStatus());
  join.FindRows();
  index.reset();
  reads->newer += join.reads().newer;
  reads->of_no_label += join.reads().of_no_label;

  std::vector<Answer> answers;
  while (answers.size() < all.size()) {
    const auto first = static_cast<int64_t>(answers.size());
    const int64_t size =
        std::min<int64_t>(1 + random->Below(150), static_cast<int64_t>(all.size()) - first);
    auto values = join.Values(first, size);
    EXPECT_EQ(values.status(), absl::OkStatus());
    if (!values.ok()) return answers;
    for (int64_t i = 0; i < size; ++i) {
      answers.emplace_back((*values)[0]->GetScalar(i).ValueOrDie()->ToString(),
                           (*values)[1]->GetScalar(i).ValueOrDie()->ToString());
    }
  }
  return answers;
}

// Duplicates and ties of rows and labels, deletes, nulls, empty texts, keys that only one side has.
TEST(PointInTimeJoin, AgreesWithBruteForce) {
  const std::vector<std::vector<v1::DataType>> keys = {
      {v1::INT64}, {v1::STRING}, {v1::BOOL}, {v1::STRING, v1::INT64}, {v1::INT64, v1::STRING}};
  JoinReads reads;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Shop shop(keys[seed % keys.size()]);
    const int64_t span = seed % 3 == 0 ? 10 : 200;  // many ties
    std::vector<Row> rows(random.Below(900));
    for (Row& row : rows) {
      row.key = random.KeyOf(shop.entity);
      row.time = random.Below(span) - span / 2;
      row.event_time = row.time - random.Below(20);
      row.op = random.Below(8) == 0 ? "delete" : "event";
      row.partition = static_cast<int32_t>(random.Below(3));
      row.offset = random.Below(100);
      if (random.Below(5) > 0) row.count = random.Below(1000);
      if (random.Below(5) > 0) row.city = random.Below(3) == 0 ? "" : "Thun and a long name of it";
    }
    if (seed % 2 == 0) {
      std::sort(rows.begin(), rows.end(),
                [](const Row& a, const Row& b) { return a.time < b.time; });
    }
    // Few labels have few keys, and leave whole row groups of others out.
    std::vector<Label> labels(1 + random.Below(seed % 4 == 1 ? 3 : 400));
    for (Label& label : labels)
      label = {random.KeyOf(shop.entity), random.Below(span + 4) - span / 2 - 2};
    std::optional<RowBounds> bounds;  // a third of the rows, or all
    if (seed % 3 == 0) bounds = {{0, 50}, {2, 40}};
    std::vector<Answer> expected;
    for (const Label& label : labels) expected.push_back(ByBruteForce(label, rows, bounds));
    EXPECT_EQ(ByJoin(shop, labels, rows, bounds, &random, &reads), expected);
    if (HasFailure()) return;
  }
  EXPECT_GT(reads.newer, 0);
  EXPECT_GT(reads.of_no_label, 0);
}

}  // namespace
}  // namespace forebay
