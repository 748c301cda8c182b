// Random messages of random types, whole and damaged, against protobuf's own parser and reflection.
//
// The reference parses with a type that has the columns' fields and what shares a oneof with them:
// all other fields are unknown to both. By design, the reader refuses what the reference takes
// where a column's field has another wire type, a string of proto2 is not UTF-8, or a value does
// not fit its column.
#include <google/protobuf/message.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <optional>
#include <random>
#include <set>

#include "connectors/decode/decode_testing.h"
#include "connectors/decode/protobuf_reader.h"
#include "connectors/decode/protobuf_testing.h"
#include "fmt/format.h"

namespace forebay {
namespace {

using google::protobuf::EnumDescriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::FieldDescriptorProto;
using google::protobuf::FileDescriptorProto;
using google::protobuf::Message;
using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

struct RandomField {
  FieldDescriptorProto proto;
  bool in_oneof = false;
  std::optional<v1::Field> column;
};

struct RandomType {
  bool proto3 = true;
  std::vector<RandomField> fields;
};

int WireTypeOf(const FieldDescriptor& field) {
  switch (field.type()) {
    case FieldDescriptor::TYPE_DOUBLE:
    case FieldDescriptor::TYPE_FIXED64:
    case FieldDescriptor::TYPE_SFIXED64:
      return 1;
    case FieldDescriptor::TYPE_STRING:
    case FieldDescriptor::TYPE_BYTES:
    case FieldDescriptor::TYPE_MESSAGE:
      return 2;
    case FieldDescriptor::TYPE_FLOAT:
    case FieldDescriptor::TYPE_FIXED32:
    case FieldDescriptor::TYPE_SFIXED32:
      return 5;
    default:
      return 0;
  }
}

class RandomProtobuf {
 public:
  explicit RandomProtobuf(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }
  bool OneIn(uint64_t n) { return Below(n) == 0; }

  RandomType Type() {
    RandomType type;
    type.proto3 = !OneIn(3);
    std::set<int> numbers;
    for (uint64_t n = 1 + Below(10); numbers.size() < n;) {
      numbers.insert(1 + static_cast<int>(OneIn(6) ? Below((1 << 29) - 1) : Below(40)));
    }
    for (int number : numbers) {
      if (number < 19000 || number > 19999) type.fields.push_back(Field(number, type.proto3));
    }
    return type;
  }

  // Of the type: mostly whole fields, some more than once, and some of other types and numbers.
  std::string Record(const std::vector<const FieldDescriptor*>& fields) {
    std::string record;
    for (uint64_t n = Below(2 * fields.size() + 2); n > 0; --n) {
      if (fields.empty() || OneIn(6)) {
        record += Unknown();
        continue;
      }
      const FieldDescriptor& field = *fields[Below(fields.size())];
      int wire_type = OneIn(60) ? static_cast<int>(Below(6)) : WireTypeOf(field);
      record += Piece(static_cast<uint32_t>(field.number()), wire_type, &field);
    }
    return record;
  }

  std::string Damage(std::string text) {
    for (uint64_t n = 1 + Below(3); n > 0 && !text.empty(); --n) {
      size_t at = Below(text.size());
      switch (Below(4)) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text.erase(at, 1 + Below(4));
          break;
        case 2:
          text.insert(at, Unknown());
          break;
        default:
          text.resize(at);
      }
    }
    return text;
  }

 private:
  RandomField Field(int number, bool proto3) {
    constexpr FieldDescriptorProto::Type kTypes[] = {
        FieldDescriptorProto::TYPE_DOUBLE,   FieldDescriptorProto::TYPE_FLOAT,
        FieldDescriptorProto::TYPE_INT64,    FieldDescriptorProto::TYPE_UINT64,
        FieldDescriptorProto::TYPE_INT32,    FieldDescriptorProto::TYPE_FIXED64,
        FieldDescriptorProto::TYPE_FIXED32,  FieldDescriptorProto::TYPE_BOOL,
        FieldDescriptorProto::TYPE_STRING,   FieldDescriptorProto::TYPE_MESSAGE,
        FieldDescriptorProto::TYPE_BYTES,    FieldDescriptorProto::TYPE_UINT32,
        FieldDescriptorProto::TYPE_ENUM,     FieldDescriptorProto::TYPE_SFIXED32,
        FieldDescriptorProto::TYPE_SFIXED64, FieldDescriptorProto::TYPE_SINT32,
        FieldDescriptorProto::TYPE_SINT64};
    RandomField field;
    field.proto.set_name(fmt::format("f{}", number));
    field.proto.set_number(number);
    field.proto.set_type(kTypes[Below(std::size(kTypes))]);
    field.proto.set_label(FieldDescriptorProto::LABEL_OPTIONAL);
    if (field.proto.type() == FieldDescriptorProto::TYPE_MESSAGE) {
      field.proto.set_type_name(".google.protobuf.Timestamp");
    }
    if (field.proto.type() == FieldDescriptorProto::TYPE_ENUM) field.proto.set_type_name(".Color");
    field.in_oneof = OneIn(3);
    if (!field.in_oneof && proto3 && OneIn(3)) field.proto.set_proto3_optional(true);
    // Of members that are no columns, the reader does not look at the bytes.
    bool looked_at = field.proto.type() == FieldDescriptorProto::TYPE_MESSAGE ||
                     field.proto.type() == FieldDescriptorProto::TYPE_STRING;
    if (!OneIn(3) || (field.in_oneof && looked_at)) field.column = Column(field.proto);
    return field;
  }

  v1::Field Column(const FieldDescriptorProto& proto) {
    v1::Field column;
    column.set_name(proto.name());
    switch (proto.type()) {
      case FieldDescriptorProto::TYPE_DOUBLE:
      case FieldDescriptorProto::TYPE_FLOAT:
        column.set_type(v1::DOUBLE);
        break;
      case FieldDescriptorProto::TYPE_BOOL:
        column.set_type(v1::BOOL);
        break;
      case FieldDescriptorProto::TYPE_STRING:
        column.set_type(v1::STRING);
        break;
      case FieldDescriptorProto::TYPE_BYTES:
        column.set_type(v1::BYTES);
        break;
      case FieldDescriptorProto::TYPE_ENUM:
        column.set_type(OneIn(2) ? v1::STRING : v1::INT64);
        break;
      case FieldDescriptorProto::TYPE_MESSAGE:
        column.set_type(v1::TIMESTAMP);
        column.set_time_encoding(v1::RFC3339);
        break;
      default:
        column.set_type(OneIn(3) ? v1::TIMESTAMP : v1::INT64);
        if (column.type() == v1::TIMESTAMP) {
          column.set_time_encoding(static_cast<v1::TimeEncoding>(v1::SECONDS + Below(4)));
        }
    }
    return column;
  }

  // A tag and a value; of `field`, if any, and then mostly one that fits its column.
  std::string Piece(uint32_t number, int wire_type, const FieldDescriptor* field, int depth = 0) {
    std::string piece = Number(number << 3 | static_cast<uint32_t>(wire_type));
    switch (wire_type) {
      case 0:
        return piece + Number(OneIn(2)   ? Below(4)
                              : OneIn(9) ? -1 - Below(9)
                                         : random_() >> Below(64));
      case 1:
        return piece + Random(8);
      case 2: {
        std::string bytes = Bytes(field);
        return piece + Number(bytes.size()) + bytes;
      }
      case 3:
        for (uint64_t n = depth > 4 ? 0 : Below(3); n > 0; --n) piece += Unknown(depth + 1);
        return piece + (OneIn(12) ? "" : Number(number << 3 | 4));
      case 4:
        return piece;
      default:
        return piece + Random(4);
    }
  }

  std::string Unknown(int depth = 0) {
    constexpr int kWireTypes[] = {0, 1, 2, 5, 3};
    uint32_t number = 1 + static_cast<uint32_t>(OneIn(4) ? Below((1 << 29) - 1) : Below(50));
    return Piece(number, kWireTypes[Below(std::size(kWireTypes))], nullptr, depth);
  }

  std::string Bytes(const FieldDescriptor* field) {
    if (field != nullptr && field->type() == FieldDescriptor::TYPE_MESSAGE) {
      std::string time;
      for (uint64_t n = Below(4); n > 0; --n) {
        if (OneIn(6)) time += Unknown(3);
        if (!OneIn(3))
          time += Number(1 << 3) + Number(OneIn(4) ? random_() >> Below(64) : Below(1 << 30));
        if (!OneIn(3)) time += Number(2 << 3) + Number(OneIn(20) ? random_() : Below(999'999'999));
      }
      return time;
    }
    constexpr const char* kTexts[] = {"",       "a",        "US",
                                      "user-1", "eight by", "twenty bytes of text",
                                      "é",      "€uro",     "longer, with 𝄞 in it"};
    std::string text = kTexts[Below(std::size(kTexts))];
    if (OneIn(25)) text += static_cast<char>(random_());
    return text;
  }

  // A varint, now and then longer than it must be.
  std::string Number(uint64_t value) {
    std::string bytes = Varint(value);
    if (!OneIn(40)) return bytes;
    bytes.back() = static_cast<char>(bytes.back() | 0x80);
    for (uint64_t n = Below(3); n > 0; --n) bytes += '\x80';
    return bytes + static_cast<char>(OneIn(2) ? 0 : Below(128));
  }

  std::string Random(size_t size) {
    std::string bytes;
    while (bytes.size() < size) bytes += static_cast<char>(random_());
    return bytes;
  }

  std::mt19937_64 random_;
};

// A file with message T, of the type's fields that `wanted` takes.
template <typename Wanted>
FileDescriptorProto FileOf(const RandomType& type, const Wanted& wanted) {
  FileDescriptorProto file;
  file.set_name("t.proto");
  file.set_syntax(type.proto3 ? "proto3" : "proto2");
  file.add_dependency("google/protobuf/timestamp.proto");
  auto* color = file.add_enum_type();
  color->set_name("Color");
  color->mutable_options()->set_allow_alias(true);
  const std::pair<const char*, int> kColors[] = {{"A", 0}, {"B", 2}, {"C", 2}, {"D", -1}};
  for (const auto& [name, number] : kColors) {
    auto* value = color->add_value();
    value->set_name(name);
    value->set_number(number);
  }
  auto* message = file.add_message_type();
  message->set_name("T");
  auto add = [&](const RandomField& field) {
    *message->add_field() = field.proto;
    if (field.in_oneof) message->mutable_field()->rbegin()->set_oneof_index(0);
  };
  for (const RandomField& field : type.fields) {
    if (!field.in_oneof || !wanted(field)) continue;
    if (message->oneof_decl_size() == 0) message->add_oneof_decl()->set_name("either");
    add(field);
  }
  for (const RandomField& field : type.fields) {
    if (!field.in_oneof && wanted(field)) add(field);
  }
  for (auto& field : *message->mutable_field()) {
    if (!field.proto3_optional()) continue;
    field.set_oneof_index(message->oneof_decl_size());
    message->add_oneof_decl()->set_name("_" + field.name());
  }
  return file;
}

std::string Micros(__int128 value, __int128 numerator, __int128 denominator = 1) {
  __int128 product = value * numerator;
  __int128 micros = product / denominator - (product % denominator < 0 ? 1 : 0);
  bool fits = micros >= kMin && micros <= kMax;
  return fits ? std::to_string(static_cast<int64_t>(micros)) : "refused";
}

std::string ReferenceInteger(__int128 value, const v1::Field& column) {
  if (value > kMax) return "refused";
  switch (column.time_encoding()) {
    case v1::SECONDS:
      return Micros(value, 1'000'000);
    case v1::MILLISECONDS:
      return Micros(value, 1'000);
    case v1::NANOSECONDS:
      return Micros(value, 1, 1'000);
    default:
      return std::to_string(static_cast<int64_t>(value));
  }
}

std::string ReferenceTime(const Message& time) {
  const auto& fields = *time.GetDescriptor();
  int64_t seconds = time.GetReflection()->GetInt64(time, fields.FindFieldByName("seconds"));
  int32_t nanos = time.GetReflection()->GetInt32(time, fields.FindFieldByName("nanos"));
  if (nanos < 0 || nanos > 999'999'999) return "refused";
  return Micros(static_cast<__int128>(seconds) * 1'000'000 + nanos / 1'000, 1);
}

std::string ReferenceEnum(int number, const EnumDescriptor& type, const v1::Field& column) {
  if (column.type() == v1::INT64) return std::to_string(number);
  const auto* value = type.FindValueByNumber(number);
  return "'" + (value == nullptr ? std::to_string(number) : value->name()) + "'";
}

std::string ReferenceValue(const Message& message, const v1::Field& column) {
  const FieldDescriptor* field = message.GetDescriptor()->FindFieldByName(column.name());
  const auto& reflection = *message.GetReflection();
  if (field->has_presence() && !reflection.HasField(message, field)) return "null";
  switch (field->cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT32:
      return ReferenceInteger(reflection.GetInt32(message, field), column);
    case FieldDescriptor::CPPTYPE_INT64:
      return ReferenceInteger(reflection.GetInt64(message, field), column);
    case FieldDescriptor::CPPTYPE_UINT32:
      return ReferenceInteger(reflection.GetUInt32(message, field), column);
    case FieldDescriptor::CPPTYPE_UINT64:
      return ReferenceInteger(reflection.GetUInt64(message, field), column);
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return fmt::format("{}", reflection.GetDouble(message, field));
    case FieldDescriptor::CPPTYPE_FLOAT:
      return fmt::format("{}", static_cast<double>(reflection.GetFloat(message, field)));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM:
      return ReferenceEnum(reflection.GetEnumValue(message, field), *field->enum_type(), column);
    case FieldDescriptor::CPPTYPE_STRING:
      return "'" + reflection.GetString(message, field) + "'";
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return ReferenceTime(reflection.GetMessage(message, field));
  }
  return "";
}

// Whether a column's field stands among the unknown ones for its wire type.
bool HasOtherWireType(const Message& message, const v1::Source& source) {
  constexpr int kWireTypes[] = {0, 5, 1, 2, 3};  // by UnknownField::Type
  const UnknownFieldSet& unknown = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const FieldDescriptor* field =
        message.GetDescriptor()->FindFieldByNumber(unknown.field(i).number());
    if (field == nullptr) continue;
    bool is_column = std::any_of(source.schema().begin(), source.schema().end(),
                                 [&](const v1::Field& c) { return c.name() == field->name(); });
    if (is_column && kWireTypes[unknown.field(i).type()] != WireTypeOf(*field)) return true;
  }
  return false;
}

// The values of the columns, or "refused".
std::string Reference(Message* message, const v1::Source& source, const std::string& record) {
  if (!message->ParsePartialFromString(record)) return "refused";
  if (HasOtherWireType(*message, source)) return "refused";
  std::string values;
  for (const v1::Field& column : source.schema()) {
    std::string value = ReferenceValue(*message, column);
    if (value == "refused") return "refused";
    values += value + "|";
  }
  return values;
}

std::string ValuesOf(const ProtobufReader& reader, const v1::Source& source) {
  std::string values;
  for (int i = 0; i < source.schema_size(); ++i) {
    values += Describe(reader.values()[static_cast<size_t>(i)], source.schema(i).type()) + "|";
  }
  return values;
}

struct Tally {
  int taken = 0;
  int refused = 0;
  int not_utf8 = 0;
};

class ProtobufRandom : public testing::Test {
 protected:
  // Protobuf's parser logs strings that are not UTF-8.
  ProtobufRandom() : handler_(google::protobuf::SetLogHandler(nullptr)) {}
  ~ProtobufRandom() override { google::protobuf::SetLogHandler(handler_); }

  // Records of one random type.
  void Compare(RandomProtobuf* random, bool damaged, Tally* tally) {
    RandomType type = random->Type();
    v1::Source source;
    source.set_message("T");
    for (const RandomField& field : type.fields) {
      if (field.column) *source.add_schema() = *field.column;
    }
    FileDescriptorProto whole = FileOf(type, [](const RandomField&) { return true; });
    source.set_descriptor_set(DescriptorSet(whole));
    ProtobufReader reader = ProtobufReader::Make(source).value();
    bool oneof = std::any_of(type.fields.begin(), type.fields.end(), [](const RandomField& field) {
      return field.in_oneof && field.column.has_value();
    });
    DynamicMessages all(source.descriptor_set());
    DynamicMessages known(DescriptorSet(FileOf(type, [&](const RandomField& field) {
      return field.column.has_value() || (field.in_oneof && oneof);
    })));
    auto message = known.New("T");
    auto example = all.New("T");
    std::vector<const FieldDescriptor*> fields;
    for (int i = 0; i < example->GetDescriptor()->field_count(); ++i) {
      fields.push_back(example->GetDescriptor()->field(i));
    }
    for (int i = 0; i < 50; ++i) {
      std::string record = random->Record(fields);
      if (damaged) record = random->Damage(record);
      std::vector<char> exact(record.begin(), record.end());  // for the address sanitizer
      bool taken = reader.Read({exact.data(), exact.size()});
      if (!taken && !type.proto3 && reader.problem().find("UTF-8") != std::string::npos) {
        ++tally->not_utf8;
        continue;
      }
      ASSERT_EQ(taken ? ValuesOf(reader, source) : "refused",
                Reference(message.get(), source, record))
          << (taken ? "" : reader.problem()) << "\n"
          << testing::PrintToString(record) << "\n"
          << whole.DebugString();
      ++(taken ? tally->taken : tally->refused);
    }
  }

 private:
  google::protobuf::LogHandler* handler_;
};

TEST_F(ProtobufRandom, MessagesAreReadAsTheReferenceReadsThem) {
  RandomProtobuf random(1);
  Tally tally;
  for (int i = 0; i < 1'000 && !HasFatalFailure(); ++i) Compare(&random, false, &tally);
  EXPECT_GT(tally.taken, 30'000);
  EXPECT_GT(tally.refused, 5'000);
  EXPECT_LT(tally.not_utf8, 1'000);
}

TEST_F(ProtobufRandom, DamagedMessagesAreRefusedWhereTheReferenceRefusesThem) {
  RandomProtobuf random(2);
  Tally tally;
  for (int i = 0; i < 2'000 && !HasFatalFailure(); ++i) Compare(&random, true, &tally);
  EXPECT_GT(tally.taken, 20'000);
  EXPECT_GT(tally.refused, 20'000);
  EXPECT_LT(tally.not_utf8, 3'000);
}

}  // namespace
}  // namespace forebay
