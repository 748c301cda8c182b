// Change records of a view as raw columns: what the encoders of update records read values from,
// without an array object, a virtual call or a test of the type for each of them.
//
//   std::vector<ChangeField> fields = ChangeFields(view, entity);
//   RawColumns columns(fields, *batch.rows);
//   double spend = columns[3].Number<double>(row);
#ifndef FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_COLUMNS_H_
#define FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_COLUMNS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace arrow {
class RecordBatch;
struct ArrayData;
}  // namespace arrow

namespace forebay {

namespace v1 {
class Entity;
class FeatureView;
class Project;
}  // namespace v1

// How values of a column lie in memory.
enum class ColumnForm : uint8_t { kBool, kInt64, kInt32, kDouble, kString, kBytes, kTime };

struct ChangeField {
  std::string name;
  ColumnForm form;  // of a list: that of its elements
  bool nullable;
  bool list = false;
};

// The columns of ChangeSchema, in its order.
std::vector<ChangeField> ChangeFields(const v1::FeatureView& view, const v1::Entity& entity);

// REQUIRES: the project is checked.
const v1::Entity& EntityOf(const v1::Project& project, const v1::FeatureView& view);

// One column of a batch, whose buffers it points into.
class RawColumn {
 public:
  bool IsNull(int64_t row) const { return validity_ != nullptr && !Bit(validity_, row); }

  // Of a value that is not null, by the column's form: kBool;
  bool Bool(int64_t row) const { return Bit(values_, row); }
  // kInt32, kInt64, kTime, kDouble;
  template <typename T>
  T Number(int64_t row) const {
    return reinterpret_cast<const T*>(values_)[offset_ + row];
  }
  // kString, kBytes. Of a null it is some text, too.
  std::string_view Text(int64_t row) const {
    const int32_t* ends = reinterpret_cast<const int32_t*>(values_) + offset_ + row;
    return {text_ + ends[0], static_cast<size_t>(ends[1] - ends[0])};
  }
  // A list: rows [begin, end) of elements(), which are not null. Of a null there are none.
  struct Range {
    int64_t begin;
    int64_t end;
    int64_t size() const { return end - begin; }
  };
  Range List(int64_t row) const {
    if (IsNull(row)) return {0, 0};
    const int32_t* ends = reinterpret_cast<const int32_t*>(values_) + offset_ + row;
    return {ends[0], ends[1]};
  }
  const RawColumn& elements() const { return *elements_; }

 private:
  friend class RawColumns;

  void PointTo(const arrow::ArrayData& data);

  bool Bit(const uint8_t* bits, int64_t row) const {
    uint64_t place = static_cast<uint64_t>(offset_ + row);
    return (bits[place / 8] >> (place % 8) & 1) != 0;
  }

  const uint8_t* validity_ = nullptr;  // null: no row is null
  const uint8_t* values_ = nullptr;    // or where texts or lists begin and end
  const char* text_ = "";
  const RawColumn* elements_ = nullptr;  // of a list
  int64_t offset_ = 0;
};

class RawColumns {
 public:
  // `rows` outlives this and has the columns of `fields`.
  RawColumns(const std::vector<ChangeField>& fields, const arrow::RecordBatch& rows);
  RawColumns(const RawColumns&) = delete;  // columns point to each other

  const RawColumn& operator[](size_t column) const { return columns_[column]; }

 private:
  std::vector<RawColumn> columns_;
  std::vector<RawColumn> elements_;  // of the lists among them
};

}  // namespace forebay

#endif  // FOREBAY_CONNECTORS_UPDATE_RECORD_CHANGE_COLUMNS_H_
