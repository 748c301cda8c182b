#include "offline/training_set/key_column.h"

#include <arrow/api.h>
#include <fmt/format.h>

#include <string_view>

#include "engine/state/key.h"
#include "forebay/v1/definition.pb.h"
#include "offline/training_set/cell_value.h"

namespace forebay {

absl::Status CheckKeyType(const v1::Field& key, const arrow::DataType& type) {
  arrow::Type::type id = type.id();
  if (id == arrow::Type::DICTIONARY) {
    id = static_cast<const arrow::DictionaryType&>(type).value_type()->id();
  }
  bool fits = false;
  std::string_view wanted;
  switch (key.type()) {
    case v1::INT64:
      fits = IsInteger(id);
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

bool KeyReader::Encode(int64_t row, std::string* key) {
  key->clear();
  int64_t at = 0;
  for (const Part& part : parts_) {
    if (!part.Locate(row, &at)) return false;
    if (part.text && parts_.size() == 1) {
      key->assign(TextAt(*part.values, at));
    } else if (part.text) {
      AppendKeyText(TextAt(*part.values, at), key);
    } else if (part.values->type_id() == arrow::Type::BOOL) {
      AppendKeyBool(IntegerAt(*part.values, at) != 0, key);
    } else {
      AppendKeyInt(IntegerAt(*part.values, at), key);
    }
  }
  return true;
}

}  // namespace forebay
