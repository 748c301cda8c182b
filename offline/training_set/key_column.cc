#include "offline/training_set/key_column.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <string_view>

#include "forebay/v1/definition.pb.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

bool IsText(arrow::Type::type type) {
  return type == arrow::Type::STRING || type == arrow::Type::LARGE_STRING ||
         type == arrow::Type::STRING_VIEW;
}

// Turns one integer-like value into the int64 that an equal key of another width has.
int64_t IntegerAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::INT8:
      return static_cast<const arrow::Int8Array&>(array).Value(row);
    case arrow::Type::UINT8:
      return static_cast<const arrow::UInt8Array&>(array).Value(row);
    case arrow::Type::INT16:
      return static_cast<const arrow::Int16Array&>(array).Value(row);
    case arrow::Type::UINT16:
      return static_cast<const arrow::UInt16Array&>(array).Value(row);
    case arrow::Type::INT32:
      return static_cast<const arrow::Int32Array&>(array).Value(row);
    case arrow::Type::UINT32:
      return static_cast<const arrow::UInt32Array&>(array).Value(row);
    case arrow::Type::BOOL:
      return static_cast<const arrow::BooleanArray&>(array).Value(row) ? 1 : 0;
    case arrow::Type::TIMESTAMP: {
      int64_t value = static_cast<const arrow::TimestampArray&>(array).Value(row);
      switch (static_cast<const arrow::TimestampType&>(*array.type()).unit()) {
        case arrow::TimeUnit::SECOND:
          return value * 1'000'000;
        case arrow::TimeUnit::MILLI:
          return value * 1000;
        case arrow::TimeUnit::NANO:
          return FloorTo(value, 1000) / 1000;
        default:
          return value;
      }
    }
    default:
      return static_cast<const arrow::Int64Array&>(array).Value(row);
  }
}

std::string_view TextAt(const arrow::Array& array, int64_t row) {
  switch (array.type_id()) {
    case arrow::Type::LARGE_STRING:
      return static_cast<const arrow::LargeStringArray&>(array).GetView(row);
    case arrow::Type::STRING_VIEW:
      return static_cast<const arrow::StringViewArray&>(array).GetView(row);
    default:
      return static_cast<const arrow::StringArray&>(array).GetView(row);
  }
}

}  // namespace

absl::Status CheckKeyType(const v1::Field& key, const arrow::DataType& type) {
  arrow::Type::type id = type.id();
  if (id == arrow::Type::DICTIONARY) {
    id = static_cast<const arrow::DictionaryType&>(type).value_type()->id();
  }
  bool fits = false;
  std::string_view wanted;
  switch (key.type()) {
    case v1::INT64:
      fits = arrow::is_integer(id) && id != arrow::Type::UINT64;
      wanted = "an integer";
      break;
    case v1::TIMESTAMP:
      fits = id == arrow::Type::TIMESTAMP;
      wanted = "a timestamp";
      break;
    case v1::BOOL:
      fits = id == arrow::Type::BOOL;
      wanted = "a boolean";
      break;
    default:
      fits = IsText(id);
      wanted = "text";
  }
  if (fits) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("key column '{}' is {}, but the entity's key is {}",
                                                key.name(), type.ToString(), wanted));
}

struct KeyReader::Part {
  std::shared_ptr<arrow::Array> array;   // of indices, for a dictionary
  std::shared_ptr<arrow::Array> values;  // where the values are
  bool dictionary = false;
  bool text = false;

  bool Locate(int64_t row, int64_t* at) const {
    if (array->IsNull(row)) return false;
    *at = dictionary ? static_cast<const arrow::DictionaryArray&>(*array).GetValueIndex(row) : row;
    return !dictionary || values->IsValid(*at);
  }
};

KeyReader::KeyReader(std::vector<std::shared_ptr<arrow::Array>> parts) {
  for (auto& array : parts) {
    Part part{.array = array, .values = array};
    if (array->type_id() == arrow::Type::DICTIONARY) {
      part.dictionary = true;
      part.values = static_cast<const arrow::DictionaryArray&>(*array).dictionary();
    }
    part.text = IsText(part.values->type_id());
    parts_.push_back(std::move(part));
  }
}

KeyReader::~KeyReader() = default;
KeyReader::KeyReader(KeyReader&&) noexcept = default;

bool KeyReader::Read(int64_t row, std::string_view* key) {
  int64_t at = 0;
  if (parts_.size() == 1 && parts_[0].text) {
    if (!parts_[0].Locate(row, &at)) return false;
    *key = TextAt(*parts_[0].values, at);
    return true;
  }
  joined_.clear();
  for (const Part& part : parts_) {
    if (!part.Locate(row, &at)) return false;
    if (part.text) {
      std::string_view text = TextAt(*part.values, at);
      uint64_t size = text.size();
      joined_.append(reinterpret_cast<const char*>(&size), sizeof(size));
      joined_ += text;
    } else {
      int64_t value = IntegerAt(*part.values, at);
      joined_.append(reinterpret_cast<const char*>(&value), sizeof(value));
    }
  }
  *key = joined_;
  return true;
}

}  // namespace forebay
