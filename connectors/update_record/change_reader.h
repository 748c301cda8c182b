// Change records that are rows of a table again as the steps that they were made of.
//
//   ChangeReader reader(*batch.rows, view, entity);
//   encoder.Append(reader.ChangeAt(row), reader.FeaturesAt(row), &updates);
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_READER_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_READER_H_

#include <arrow/api.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine/aggregate/aggregate.h"
#include "engine/batch/change_batch.h"
#include "engine/batch/list_column.h"
#include "engine/state/change.h"
#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/data_type.h"

namespace forebay {

// Reads the rows of one batch, of ChangeSchema(view, entity).
class ChangeReader {
 public:
  // All of them must outlive this.
  ChangeReader(const arrow::RecordBatch& rows, const v1::FeatureView& view,
               const v1::Entity& entity)
      : rows_(rows),
        view_(view),
        entity_(entity),
        features_(view.features_size()),
        lists_(view.features_size()) {}

  // Its key is good until the next call.
  Change ChangeAt(int64_t row);

  // One per feature; their texts are good until the next call.
  const Scalar* FeaturesAt(int64_t row) {
    for (int i = 0; i < view_.features_size(); ++i) features_[i] = Feature(i, row);
    return features_.data();
  }

 private:
  template <typename Array>
  auto At(int column, int64_t row) const {
    return static_cast<const Array&>(*rows_.column(column)).GetView(row);
  }

  Scalar ScalarAt(int column, int64_t row, DataType type) const {
    switch (type) {
      case DataType::kBool:
        return Scalar::Bool(At<arrow::BooleanArray>(column, row));
      case DataType::kInt64:
        return Scalar::Int64(At<arrow::Int64Array>(column, row));
      case DataType::kDouble:
        return Scalar::Double(At<arrow::DoubleArray>(column, row));
      case DataType::kTimestamp:
        return Scalar::Int64(At<arrow::TimestampArray>(column, row));
      case DataType::kString:
      case DataType::kBytes:
        break;
    }
    return Scalar::String(At<arrow::BinaryArray>(column, row));
  }

  Scalar Feature(int feature, int64_t row) {
    const int column = entity_.keys_size() + feature;
    const auto type = static_cast<DataType>(view_.features(feature).type());
    if (rows_.column(column)->IsNull(row)) return Scalar::Null();
    if (!IsList(type)) return ScalarAt(column, row, type);
    ReadList(*rows_.column(column), row, ElementType(type), &lists_[feature]);
    return Scalar::List(lists_[feature]);
  }

  std::string EncodedKey(int64_t row) const {
    std::vector<Value> parts;
    for (int i = 0; i < entity_.keys_size(); ++i) {
      const auto type = static_cast<DataType>(entity_.keys(i).type());
      parts.push_back(ToValue(ScalarAt(i, row, type), type));
    }
    return EncodeKey(entity_, parts);
  }

  const arrow::RecordBatch& rows_;
  const v1::FeatureView& view_;
  const v1::Entity& entity_;
  std::string key_;
  std::vector<Scalar> features_;
  std::vector<std::string> lists_;  // by feature
};

inline Change ChangeReader::ChangeAt(int64_t row) {
  const int step = EffectiveTimeColumn(*rows_.schema());
  auto time = [&](ChangeColumn which) { return At<arrow::TimestampArray>(step + which, row); };
  auto number = [&](ChangeColumn which) { return At<arrow::Int64Array>(step + which, row); };
  std::string_view op = At<arrow::StringArray>(step + kOpColumn, row);
  key_ = EncodedKey(row);
  return {.key = HashedKey(key_, static_cast<uint64_t>(number(kKeyHashColumn))),
          .effective_time = time(kEffectiveTimeColumn),
          .event_time = time(kEventTimeColumn),
          .known_time = time(kKnownTimeColumn),
          .op = op == "event"    ? ChangeOp::kEvent
                : op == "expire" ? ChangeOp::kExpire
                                 : ChangeOp::kDelete,
          .offset = number(kSourceOffsetColumn),
          .ordinal = At<arrow::Int32Array>(step + kOrdinalColumn, row)};
}

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_READER_H_
