#include "connectors/update_record/json_object.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "engine/aggregate/list_value.h"
#include "fmt/format.h"
#include "forebay/v1/definition.pb.h"
#include "schemas/types/json.h"

namespace forebay {
namespace {

// Of values that have a bound.
constexpr size_t kLongestValue = std::max({kMaxJsonInt, kMaxJsonDouble, kMaxJsonTime, size_t{5}});

// What a byte of a text or a list may take: an escape; the `null,` of one that is a bool; an eighth
// of a time. Quotes and brackets come on top.
constexpr size_t kJsonPerByte = std::max(size_t{6}, kMaxJsonTime / sizeof(int64_t) + 1);

bool HasBound(DataType type) {
  return !IsList(type) && type != DataType::kString && type != DataType::kBytes;
}

char* WriteText(std::string_view text, char* out) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

// REQUIRES: not null, not a list.
char* WriteScalar(const Scalar& value, DataType type, char* out) {
  switch (type) {
    case DataType::kBool:
      return WriteText(value.bool_value ? "true" : "false", out);
    case DataType::kInt64:
      return WriteJsonInt(value.int64_value, out);
    case DataType::kDouble:
      return WriteJsonDouble(value.double_value, out);
    case DataType::kString:
      return WriteJsonString(value.string_value(), out);
    case DataType::kBytes:
      return WriteJsonBytes(value.string_value(), out);
    case DataType::kTimestamp:
      return WriteJsonTime(value.int64_value, out);
  }
  return out;
}

char* WriteList(std::string_view list, DataType element, char* out) {
  ListReader elements(element, list);
  *out = '[';
  char* end = out + 1;
  for (Scalar value; elements.Next(&value);) {
    if (end != out + 1) *end++ = ',';
    end = WriteScalar(value, element, end);
  }
  *end++ = ']';
  return end;
}

// Writes a double as the one before where it is the same: neighbours are often one aggregate over
// several windows, with one value.
class LastDouble {
 public:
  char* Write(double value, char* out) {
    uint64_t bits = std::bit_cast<uint64_t>(value);
    if (size_ == 0 || bits != bits_) {
      bits_ = bits;
      size_ = static_cast<size_t>(WriteJsonDouble(value, out) - out);
      std::memcpy(text_, out, sizeof text_);
    } else {
      std::memcpy(out, text_, sizeof text_);
    }
    return out + size_;
  }

 private:
  uint64_t bits_ = 0;
  size_t size_ = 0;  // 0: there is none yet
  char text_[kMaxShortestDouble];
};

}  // namespace

JsonLabel::JsonLabel(std::string_view text) : bytes_(text), size_(text.size()) {
  bytes_.resize((size_ + kPiece - 1) / kPiece * kPiece);
}

char* JsonLabel::Write(char* out) const {
  for (size_t at = 0; at < size_; at += kPiece) std::memcpy(out + at, bytes_.data() + at, kPiece);
  return out + size_;
}

void JsonMembers::Add(std::string_view name, DataType type) {
  std::string label = before_next_;
  AppendJsonString(name, &label);
  label += ':';
  before_next_ = ",";
  if (!HasBound(type)) texts_.push_back(members_.size());
  members_.push_back({JsonLabel(label), type});
  fixed_size_ += members_.back().label.max_size() + kLongestValue;
}

size_t JsonMembers::MaxSize(const Scalar* values) const {
  size_t size = fixed_size_;
  for (size_t i : texts_) {
    if (!values[i].null) size += size_t{values[i].text_size} * kJsonPerByte;
  }
  return size;
}

char* JsonMembers::Write(const Scalar* values, char* out) const {
  LastDouble last;
  for (const Member& member : members_) {
    const Scalar& value = *values++;
    out = member.label.Write(out);
    if (value.null) {
      out = WriteText("null", out);
    } else if (member.type == DataType::kDouble) {
      out = last.Write(value.double_value, out);
    } else if (IsList(member.type)) {
      out = WriteList(value.string_value(), ElementType(member.type), out);
    } else {
      out = WriteScalar(value, member.type, out);
    }
  }
  return out;
}

JsonMembers JsonKeyMembers(const v1::Entity& entity) {
  JsonMembers members("{");
  for (const v1::Field& key : entity.keys())
    members.Add(key.name(), static_cast<DataType>(key.type()));
  return members;
}

JsonStepWriter::JsonStepWriter(const v1::FeatureView& view, const v1::Entity& entity,
                               int32_t partition)
    : keys_(JsonKeyMembers(entity)),
      features_(","),
      before_effective_time_(R"(,"_effective_time":)"),
      before_event_time_(R"(,"_event_time":)"),
      before_known_time_(R"(,"_known_time":)"),
      before_hash_of_event_(R"(,"_op":"event","_key_hash":)"),
      before_hash_of_expiry_(R"(,"_op":"expire","_key_hash":)"),
      before_offset_(fmt::format(R"(,"_source_partition":{},"_source_offset":)", partition)),
      before_ordinal_(R"(,"_ordinal":)"),
      end_(fmt::format(R"(,"_view_version":{}}})", view.version())) {
  for (const v1::Feature& feature : view.features())
    features_.Add(feature.name(), static_cast<DataType>(feature.type()));
  for (const JsonLabel* label :
       {&before_effective_time_, &before_event_time_, &before_known_time_, &before_hash_of_event_,
        &before_offset_, &before_ordinal_, &end_}) {
    fixed_size_ += label->max_size() + kLongestValue;
  }
}

size_t JsonStepWriter::MaxSize(const UpdateStep& step) const {
  return keys_.MaxSize(step.keys) + features_.MaxSize(step.features) + fixed_size_;
}

char* JsonStepWriter::WriteTimes(const Change& change, char* out) const {
  char* const effective_time = before_effective_time_.Write(out);
  char* const end = WriteJsonTime(change.effective_time, effective_time);
  const std::string_view text(effective_time, static_cast<size_t>(end - effective_time));
  // Most steps are known when they take effect, and many events happen then.
  auto write = [&](int64_t time, char* to) {
    return time == change.effective_time ? WriteText(text, to) : WriteJsonTime(time, to);
  };
  out = write(change.event_time, before_event_time_.Write(end));
  return write(change.known_time, before_known_time_.Write(out));
}

char* JsonStepWriter::Write(const UpdateStep& step, char* out) const {
  const Change& change = step.change;
  out = keys_.Write(step.keys, out);
  out = features_.Write(step.features, out);
  out = WriteTimes(change, out);
  bool event = change.op == ChangeOp::kEvent;
  out = (event ? before_hash_of_event_ : before_hash_of_expiry_).Write(out);
  out = WriteJsonInt(KeyHash(change.key), out);
  out = WriteJsonInt(change.offset, before_offset_.Write(out));
  out = WriteJsonInt(change.ordinal, before_ordinal_.Write(out));
  return end_.Write(out);
}

}  // namespace forebay
