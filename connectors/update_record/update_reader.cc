#include "connectors/update_record/update_reader.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <bit>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "connectors/update_record/encoded_updates.h"
#include "connectors/update_record/json_text.h"
#include "engine/batch/change_batch.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/json.h"
#include "schemas/types/status_macros.h"
#include "schemas/types/time.h"

namespace forebay {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;

constexpr std::string_view kNull = "null";

// One value, which is not packed. False: the bytes end before it does.
bool AppendWireValue(WireForm form, DataType type, CodedInputStream* in, std::string* out) {
  uint64_t number = 0;
  switch (form) {
    case WireForm::kString:
    case WireForm::kBytes: {
      uint32_t size = 0;
      std::string text;
      if (!in->ReadVarint32(&size) || !in->ReadString(&text, static_cast<int>(size))) return false;
      form == WireForm::kString ? AppendJsonString(text, out) : AppendJsonBytes(text, out);
      return true;
    }
    case WireForm::kFixed64:
      if (!in->ReadLittleEndian64(&number)) return false;
      break;
    case WireForm::kBool:
    case WireForm::kVarint:
      if (!in->ReadVarint64(&number)) return false;
      break;
  }
  if (form == WireForm::kBool) {
    *out += number != 0 ? "true" : "false";
  } else if (type == DataType::kDouble) {
    AppendJsonDouble(std::bit_cast<double>(number), out);
  } else if (type == DataType::kTimestamp) {
    AppendJsonTime(static_cast<int64_t>(number), out);
  } else {
    AppendJsonInt(static_cast<int64_t>(number), out);
  }
  return true;
}

bool HasLength(WireForm form) { return form == WireForm::kString || form == WireForm::kBytes; }

// The next field's value, or elements of its list, behind those in `out`.
bool AppendField(const ProtobufField& field, DataType type, WireFormatLite::WireType wire,
                 CodedInputStream* in, std::string* out) {
  const bool packed =
      field.repeated && !HasLength(field.form) && wire == WireFormatLite::WIRETYPE_LENGTH_DELIMITED;
  uint32_t size = 0;
  if (packed && !in->ReadVarint32(&size)) return false;
  const CodedInputStream::Limit limit = packed ? in->PushLimit(static_cast<int>(size)) : 0;
  do {
    if (!field.repeated) {
      out->clear();  // of a field that comes again, the last counts
    } else if (!out->empty()) {
      *out += ',';
    }
    if (!AppendWireValue(field.form, type, in, out)) return false;
  } while (packed && in->BytesUntilLimit() > 0);
  if (packed) in->PopLimit(limit);
  return true;
}

absl::StatusOr<int64_t> NumberOf(const std::string& column, const std::string& text) {
  int64_t number = 0;
  if (absl::SimpleAtoi(text, &number)) return number;
  return absl::InvalidArgumentError(fmt::format("its {} is {}, no number", column, text));
}

absl::StatusOr<int64_t> TimeOf(const std::string& column, std::string_view text) {
  if (text.size() >= 2) {
    absl::StatusOr<int64_t> time = ParseTime(text.substr(1, text.size() - 2));  // of its quotes
    if (time.ok()) return time;
  }
  return absl::InvalidArgumentError(fmt::format("its {} is {}, no time", column, text));
}

}  // namespace

UpdateReader::UpdateReader(const v1::FeatureView& view, const v1::Entity& entity, TaskId task)
    : task_(std::move(task)),
      view_version_(std::to_string(view.version())),
      keys_(static_cast<size_t>(entity.keys_size())),
      features_(static_cast<size_t>(view.features_size())),
      fields_(ProtobufFields(view, entity)) {
  for (const v1::Field& key : entity.keys())
    columns_.push_back({key.name(), static_cast<DataType>(key.type())});
  for (const v1::Feature& feature : view.features())
    columns_.push_back({feature.name(), static_cast<DataType>(feature.type())});
  for (const char* time : {"_effective_time", "_event_time", "_known_time"})
    columns_.push_back({time, DataType::kTimestamp});
  columns_.push_back({"_op", DataType::kString});
  for (const char* number :
       {"_key_hash", "_source_partition", "_source_offset", "_ordinal", "_view_version"})
    columns_.push_back({number, DataType::kInt64});
}

absl::StatusOr<StepText> UpdateReader::Read(std::optional<std::string_view> value,
                                            const RecordHeaders& headers) const {
  if (!value) return ReadTombstone(headers);
  ASSIGN_OR_RETURN(Texts texts, value->starts_with('{') ? ReadJson(*value) : ReadProtobuf(*value));
  return StepOf(texts);
}

absl::StatusOr<UpdateReader::Texts> UpdateReader::ReadJson(std::string_view value) const {
  const nlohmann::json object = nlohmann::json::parse(value, nullptr, /*allow_exceptions=*/false);
  if (!object.is_object()) return absl::InvalidArgumentError("its value is no JSON object");
  Texts texts(columns_.size(), std::string(kNull));
  for (size_t i = 0; i < columns_.size(); ++i) {
    auto member = object.find(columns_[i].name);
    if (member != object.end()) texts[i] = JsonText(*member, columns_[i].type);
  }
  return texts;
}

absl::StatusOr<UpdateReader::Texts> UpdateReader::ReadProtobuf(std::string_view value) const {
  CodedInputStream in(reinterpret_cast<const uint8_t*>(value.data()),
                      static_cast<int>(value.size()));
  Texts texts(columns_.size());
  while (uint32_t tag = in.ReadTag()) {
    const auto number = static_cast<size_t>(WireFormatLite::GetTagFieldNumber(tag));
    bool read = false;
    if (number == 0 || number > fields_.size()) {
      read = WireFormatLite::SkipField(&in, tag);
    } else {
      const DataType type = columns_[number - 1].type;
      read = AppendField(fields_[number - 1], IsList(type) ? ElementType(type) : type,
                         WireFormatLite::GetTagWireType(tag), &in, &texts[number - 1]);
    }
    if (!read) return absl::InvalidArgumentError("its value is no whole protobuf message");
  }
  if (!in.ConsumedEntireMessage())
    return absl::InvalidArgumentError("its value is neither JSON nor a protobuf message");
  for (size_t i = 0; i < texts.size(); ++i) {
    if (texts[i].empty()) {
      texts[i] = kNull;
    } else if (fields_[i].repeated) {
      texts[i] = '[' + texts[i] + ']';
    }
  }
  return texts;
}

absl::StatusOr<StepText> UpdateReader::StepOf(const Texts& texts) const {
  const size_t first = keys_ + features_;
  auto number = [&](ChangeColumn column) {
    return NumberOf(columns_[first + column].name, texts[first + column]);
  };
  auto time = [&](ChangeColumn column) {
    return TimeOf(columns_[first + column].name, texts[first + column]);
  };
  StepText step;
  ASSIGN_OR_RETURN(const int64_t partition, number(kSourcePartitionColumn));
  if (partition != task_.partition.value()) {
    return absl::InvalidArgumentError(fmt::format("it is of source partition {}, in partition {}",
                                                  partition, task_.partition.value()));
  }
  if (const std::string& version = texts[first + kViewVersionColumn]; version != view_version_)
    return absl::InvalidArgumentError(fmt::format("it is of version {} of the view", version));
  ASSIGN_OR_RETURN(const int64_t offset, number(kSourceOffsetColumn));
  step.offset = Offset(offset);
  ASSIGN_OR_RETURN(const int64_t ordinal, number(kOrdinalColumn));
  step.ordinal = static_cast<int32_t>(ordinal);
  ASSIGN_OR_RETURN(step.effective_time, time(kEffectiveTimeColumn));
  ASSIGN_OR_RETURN(step.event_time, time(kEventTimeColumn));
  ASSIGN_OR_RETURN(step.known_time, time(kKnownTimeColumn));
  const std::string& op = texts[first + kOpColumn];
  if (op != "\"event\"" && op != "\"expire\"")
    return absl::InvalidArgumentError(fmt::format("its _op is {}", op));
  step.op = op == "\"event\"" ? ChangeOp::kEvent : ChangeOp::kExpire;
  for (size_t i = keys_; i < first; ++i) {
    if (i > keys_) step.features += '\n';
    step.features += texts[i];
  }
  return step;
}

absl::StatusOr<StepText> UpdateReader::ReadTombstone(const RecordHeaders& headers) const {
  StepText step{.op = ChangeOp::kDelete};
  bool has_source = false, has_time = false;
  for (const auto& [name, text] : headers) {
    if (name == kSourceHeader) {
      const std::vector<std::string> parts = absl::StrSplit(text, '/');
      int64_t offset = 0;
      if (parts.size() != 4 || parts[0] != task_.topic ||
          parts[1] != std::to_string(task_.partition.value()) ||
          !absl::SimpleAtoi(parts[2], &offset) || !absl::SimpleAtoi(parts[3], &step.ordinal)) {
        return absl::InvalidArgumentError(fmt::format("its header {} is '{}'", name, text));
      }
      step.offset = Offset(offset);
      has_source = true;
    } else if (name == kEffectiveTimeHeader) {
      has_time = absl::SimpleAtoi(text, &step.effective_time);
    }
  }
  if (has_source && has_time) return step;
  return absl::InvalidArgumentError("it is a tombstone that does not say which step it is");
}

}  // namespace forebay
