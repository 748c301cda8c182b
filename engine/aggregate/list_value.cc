#include "engine/aggregate/list_value.h"

#include <bit>
#include <cstring>

namespace forebay {
namespace {

static_assert(std::endian::native == std::endian::little, "lists are written little-endian");

template <typename T>
void AppendRaw(T value, std::string* list) {
  char raw[sizeof value];
  std::memcpy(raw, &value, sizeof value);
  list->append(raw, sizeof raw);
}

template <typename T>
bool TakeRaw(std::string_view* bytes, T* value) {
  if (bytes->size() < sizeof *value) return false;
  std::memcpy(value, bytes->data(), sizeof *value);
  bytes->remove_prefix(sizeof *value);
  return true;
}

bool TakeText(std::string_view* bytes, Scalar* element) {
  std::string_view rest = *bytes;
  uint32_t size = 0;
  if (!TakeRaw(&rest, &size) || rest.size() < size) return false;
  *element = Scalar::String(rest.substr(0, size));
  *bytes = rest.substr(size);
  return true;
}

}  // namespace

void AppendElement(bool value, std::string* list) { list->push_back(value ? 1 : 0); }
void AppendElement(int64_t value, std::string* list) { AppendRaw(value, list); }
void AppendElement(double value, std::string* list) { AppendRaw(value, list); }

void AppendElement(std::string_view value, std::string* list) {
  AppendRaw(static_cast<uint32_t>(value.size()), list);
  list->append(value);
}

bool ListReader::Next(Scalar* element) {
  switch (element_) {
    case DataType::kBool:
      if (rest_.empty() || static_cast<uint8_t>(rest_[0]) > 1) return false;
      *element = Scalar::Bool(rest_[0] != 0);
      rest_.remove_prefix(1);
      return true;
    case DataType::kDouble: {
      double value = 0;
      bool taken = TakeRaw(&rest_, &value);
      *element = Scalar::Double(value);
      return taken;
    }
    case DataType::kString:
    case DataType::kBytes:
      return TakeText(&rest_, element);
    case DataType::kInt64:
    case DataType::kTimestamp:
      break;
  }
  int64_t value = 0;
  bool taken = TakeRaw(&rest_, &value);
  *element = Scalar::Int64(value);
  return taken;
}

}  // namespace forebay
