// Random records, whole and damaged, against nlohmann's parser as the reference.
#include <gtest/gtest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "connectors/decode/base64.h"
#include "connectors/decode/decode_testing.h"
#include "fmt/format.h"

namespace forebay {
namespace {

using Json = nlohmann::json;

constexpr int64_t kTimestamp = kMaxTime;  // of all records, so that no event is from the future

// A reason, or a row of all columns.
struct Verdict {
  std::string reason;
  Row row;

  bool operator==(const Verdict& other) const {
    return reason == other.reason && fmt::format("{}", Bits()) == fmt::format("{}", other.Bits());
  }
  // Doubles by their bits: -0.0 is not 0.0 here.
  std::string Bits() const {
    std::string text = reason;
    for (const Value& value : row) {
      text += fmt::format("|{}:", value.index());
      if (const bool* b = std::get_if<bool>(&value)) text += *b ? "1" : "0";
      if (const int64_t* i = std::get_if<int64_t>(&value)) text += std::to_string(*i);
      if (const double* d = std::get_if<double>(&value)) {
        text += std::to_string(std::bit_cast<uint64_t>(*d));
      }
      if (const std::string* s = std::get_if<std::string>(&value)) text += *s;
    }
    return text;
  }
  friend std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
    return out << verdict.Bits();
  }
};

// The value of a member by its type; false: it is not of that type.
bool ReferenceValue(const Json& json, v1::DataType type, Value* out) {
  *out = {};
  if (json.is_null()) return true;
  bool fits = json.is_number_integer() &&
              !(json.is_number_unsigned() &&
                json.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()});
  std::string bytes;
  switch (type) {
    case v1::BOOL:
      if (!json.is_boolean()) return false;
      *out = json.get<bool>();
      return true;
    case v1::INT64:
      if (fits) *out = json.get<int64_t>();
      return fits;
    case v1::DOUBLE:
      if (!json.is_number()) return false;
      *out = json.get<double>();
      return true;
    case v1::STRING:
      if (!json.is_string()) return false;
      *out = json.get<std::string>();
      return true;
    case v1::BYTES:
      if (!json.is_string() || !DecodeBase64(json.get<std::string>(), &bytes)) return false;
      *out = bytes;
      return true;
    default:  // milliseconds
      if (fits) *out = json.get<int64_t>();
      return fits;
  }
}

Verdict ReferenceVerdict(const Json& json, const v1::Source& source) {
  if (!json.is_object()) return {"undecodable", {}};
  Row row;
  for (const v1::Field& field : source.schema()) {
    row.emplace_back();
    auto member = json.find(field.name());
    if (member != json.end() && !ReferenceValue(*member, field.type(), &row.back())) {
      return {"undecodable", {}};
    }
  }
  if (IsNull(row[0])) return {"bad_event_time", {}};
  int64_t millis = std::get<int64_t>(row[0]);
  if (millis < kMinTime / 1000 || millis > kMaxTime / 1000) return {"bad_event_time", {}};
  row[0] = millis * 1000;
  return {"", row};
}

enum class Comparable { kYes, kMalformed, kNo };

// Parses `text`; kNo where the reference differs by design: a number beyond a double, which it
// refuses in undeclared members too, or a name that comes twice, of which it keeps one only.
Comparable ParseReference(const std::string& text, Json* out) {
  if (text.find('\0') != std::string::npos) return Comparable::kMalformed;  // it reads up to there
  int names = 0;
  auto count = [&](int depth, Json::parse_event_t event, Json&) {
    if (depth == 1 && event == Json::parse_event_t::key) ++names;
    return true;
  };
  try {
    *out = Json::parse(text, count);
  } catch (const Json::out_of_range&) {
    return Comparable::kNo;
  } catch (const Json::parse_error&) {
    return Comparable::kMalformed;
  }
  return out->is_object() && names != static_cast<int>(out->size()) ? Comparable::kNo
                                                                    : Comparable::kYes;
}

class RandomJson {
 public:
  explicit RandomJson(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  template <typename Container>
  std::string Pick(const Container& from) {
    return std::string(from[Below(std::size(from))]);
  }

  std::string Space() {
    constexpr const char* kSpaces[] = {"", "", "", "", "", " ", "\n", "\t\r "};
    return compact_ ? "" : Pick(kSpaces);
  }

  std::string String() {
    constexpr const char* kPieces[] = {"a",
                                       "US",
                                       "\\n",
                                       "\\\"",
                                       "\\\\",
                                       "\\/",
                                       "é",
                                       "€",
                                       "𝄞",
                                       "\\u00e9",
                                       "\\u0000",
                                       "\\ud834\\udd1e",
                                       "longer than sixteen bytes",
                                       "{",
                                       ",",
                                       ":",
                                       "\x7f",
                                       "\\b\\f\\r\\t"};
    std::string text = "\"";
    for (uint64_t n = Below(5); n > 0; --n) text += Pick(kPieces);
    return text + "\"";
  }

  std::string Integer() {
    int64_t value = static_cast<int64_t>(random_() >> Below(64));
    return std::to_string(Below(2) == 0 ? value : -value);
  }

  std::string Real() {
    constexpr const char* kFormats[] = {"{}", "{:.2f}", "{:e}", "{:.20g}", "{:.3E}"};
    double value = std::bit_cast<double>(random_());
    if (!std::isfinite(value) || Below(2) == 0) value = static_cast<double>(Below(100'000)) / 100;
    return fmt::format(fmt::runtime(Pick(kFormats)), value);
  }

  std::string Bytes() {
    constexpr const char* kBytes[] = {"\"\"", "\"YQ==\"", "\"YWI\"", "\"AP8/+A==\"", "\"Y\""};
    return Pick(kBytes);
  }

  std::string Any(int depth = 0) {
    switch (Below(depth < 3 ? 9 : 7)) {
      case 0:
        return "null";
      case 1:
        return Below(2) == 0 ? "true" : "false";
      case 2:
      case 3:
        return Integer();
      case 4:
        return Real();
      case 5:
      case 6:
        return String();
      case 7: {
        std::string text = "[";
        for (uint64_t n = Below(4); n > 0; --n) text += Any(depth + 1) + (n > 1 ? "," : "");
        return text + "]";
      }
      default: {
        std::string text = "{";
        for (uint64_t n = Below(4); n > 0; --n) {
          text += String() + Space() + ":" + Any(depth + 1) + (n > 1 ? "," : "");
        }
        return text + "}";
      }
    }
  }

  // Mostly of the type.
  std::string ValueOf(v1::DataType type) {
    if (Below(12) == 0) return Any();
    switch (type) {
      case v1::BOOL:
        return Below(2) == 0 ? "true" : "false";
      case v1::INT64:
        return Integer();
      case v1::DOUBLE:
        return Below(3) == 0 ? Integer() : Real();
      case v1::STRING:
        return String();
      case v1::BYTES:
        return Bytes();
      default:
        return std::to_string(static_cast<int64_t>(Below(2'000'000'000'000)));
    }
  }

  // Half of them as one producer writes them: without white space, members in one order.
  std::string Record(const v1::Source& source) {
    compact_ = Below(2) == 0;
    std::vector<std::string> members;
    for (const v1::Field& field : source.schema()) {
      if (Below(8) != 0) {
        members.push_back("\"" + field.name() + "\"" + Space() + ":" + Space() +
                          ValueOf(field.type()));
      }
      if (Below(8) == 0) members.push_back(String() + ":" + Any());
    }
    if (!compact_ && Below(2) == 0) std::shuffle(members.begin(), members.end(), random_);
    std::string text = Space() + "{" + Space();
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) text += "," + Space();
      text += members[i] + Space();
    }
    return text + "}" + Space();
  }

  std::string Damage(std::string text) {
    constexpr const char* kTokens[] = {
        "{", "}", "[",    "]",    ",",    ":",    "\"",  "\\",      "0",  "-",      ".", "e",
        "1", " ", "null", "true", "\xff", "\xc3", "\\u", "\\ud800", "\n", "\"t\":", "9"};
    for (uint64_t n = 1 + Below(3); n > 0 && !text.empty(); --n) {
      size_t at = Below(text.size());
      switch (Below(5)) {
        case 0:
          text[at] = static_cast<char>(random_());
          break;
        case 1:
          text.erase(at, 1 + Below(4));
          break;
        case 2:
          text.insert(at, Pick(kTokens));
          break;
        case 3: {  // whole members, or the first of them
          size_t comma = text.find(',', at);
          text.erase(Below(2) == 0 ? 0 : at, comma == std::string::npos ? 1 : comma - at);
          break;
        }
        default:
          text.resize(at);
      }
    }
    return text;
  }

 private:
  std::mt19937_64 random_;
  bool compact_ = false;
};

RawRecord RecordOf(std::string_view value, int64_t offset = 0) {
  return {Offset(offset), kTimestamp, std::nullopt, value, nullptr};
}

Verdict VerdictOf(EventDecoder& decoder, std::string_view text) {
  RawRecord record = RecordOf(text);
  EventBatch batch = decoder.Decode({&record, 1}).value();
  if (batch.rejected.empty()) return {"", RowsOf(batch).at(0)};
  EXPECT_FALSE(batch.rejected[0].detail.empty());
  // Details go into headers and logs as text.
  EXPECT_NO_THROW(Json(batch.rejected[0].detail).dump()) << text;
  return {std::string(RejectReasonName(batch.rejected[0].reason)), {}};
}

// The reference reads the literal -0 as an integer, and loses its sign;
// DoublesAreTheNearestOfTheirLiteral does not.
Verdict WithoutSignsOfZero(Verdict verdict) {
  for (Value& value : verdict.row) {
    if (double* real = std::get_if<double>(&value); real != nullptr && *real == 0) *real = 0;
  }
  return verdict;
}

struct Tally {
  int accepted = 0;
  int refused = 0;
  int not_comparable = 0;
};

void Compare(EventDecoder& decoder, const v1::Source& source, const std::string& text,
             Tally* tally) {
  Verdict verdict = VerdictOf(decoder, text);
  Json json;
  switch (ParseReference(text, &json)) {
    case Comparable::kNo:
      ++tally->not_comparable;
      return;
    case Comparable::kMalformed:
      ASSERT_EQ(verdict, (Verdict{"undecodable", {}})) << text;
      break;
    case Comparable::kYes:
      ASSERT_EQ(WithoutSignsOfZero(verdict), WithoutSignsOfZero(ReferenceVerdict(json, source)))
          << text;
  }
  ++(verdict.reason.empty() ? tally->accepted : tally->refused);
}

TEST(JsonRandom, WholeRecordsAreReadAsTheReferenceReadsThem) {
  RandomJson random(1);
  v1::Source source = TestSource();
  EventDecoder decoder = MakeDecoder(source, kAllColumns);
  Tally tally;
  for (int i = 0; i < 20'000; ++i) {
    Compare(decoder, source, random.Record(source), &tally);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(tally.accepted, 4'000);
  EXPECT_GT(tally.refused, 4'000);
  EXPECT_LT(tally.not_comparable, 4'000);
}

TEST(JsonRandom, DamagedRecordsAreRefusedWhereTheReferenceRefusesThem) {
  RandomJson random(2);
  v1::Source source = TestSource();
  EventDecoder decoder = MakeDecoder(source, kAllColumns);
  Tally tally;
  for (int i = 0; i < 60'000; ++i) {
    Compare(decoder, source, random.Damage(random.Record(source)), &tally);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(tally.accepted, 2'000);
  EXPECT_GT(tally.refused, 20'000);
  EXPECT_LT(tally.not_comparable, 8'000);
}

TEST(JsonRandom, HowRecordsAreCutIntoBatchesChangesNothing) {
  RandomJson random(3);
  v1::Source source = TestSource();
  std::vector<std::string> texts;
  std::vector<RawRecord> records;
  for (int i = 0; i < 5'000; ++i) {
    texts.push_back(random.Record(source));
    if (i % 5 == 0) texts.back() = random.Damage(texts.back());
  }
  for (const std::string& text : texts) {
    records.push_back(RecordOf(text, static_cast<int64_t>(records.size()) * 3));
  }
  auto describe = [&](size_t at_once) {
    EventDecoder decoder = MakeDecoder(source, kAllColumns);
    std::vector<std::string> lines, rejected;
    for (size_t first = 0; first < records.size(); first += at_once) {
      EventBatch batch = decoder.Decode(absl::MakeSpan(records).subspan(first, at_once)).value();
      std::vector<Row> rows = RowsOf(batch);
      for (size_t i = 0; i < rows.size(); ++i) {
        lines.push_back(fmt::format("{} {} {} {}", batch.records[i].offset.value(),
                                    batch.event_times[i].value(), batch.known_times[i].value(),
                                    Verdict{"", rows[i]}.Bits()));
      }
      for (const RejectedRecord& reject : batch.rejected) {
        rejected.push_back(fmt::format("{} {} {}", reject.record.offset.value(),
                                       RejectReasonName(reject.reason), reject.detail));
      }
    }
    lines.insert(lines.end(), rejected.begin(), rejected.end());
    return lines;
  };
  std::vector<std::string> whole = describe(records.size());
  EXPECT_EQ(whole.size(), records.size());
  EXPECT_EQ(describe(1), whole);
  EXPECT_EQ(describe(7), whole);
}

// A literal's value is the nearest double, as the C library finds it.
TEST(JsonRandom, DoublesAreTheNearestOfTheirLiteral) {
  RandomJson random(4);
  EventDecoder decoder = MakeDecoder(TestSource(), {"d"});
  EXPECT_EQ(VerdictOf(decoder, R"({"t":0,"d":-0})"), (Verdict{"", {-0.0}}));
  auto digits = [&](uint64_t most) {
    std::string text;
    for (uint64_t n = 1 + random.Below(most); n > 0; --n) {
      text += static_cast<char>('0' + random.Below(10));
    }
    return text;
  };
  for (int i = 0; i < 50'000; ++i) {
    std::string literal = random.Below(2) == 0 ? "-" : "";
    literal += random.Below(3) == 0 ? "0" : std::to_string(1 + random.Below(9)) + digits(21);
    if (random.Below(3) != 0) literal += "." + std::string(random.Below(4), '0') + digits(25);
    if (random.Below(3) == 0) {
      literal += (random.Below(2) == 0 ? "e" : "E-") + std::to_string(random.Below(350));
    }
    double nearest = std::strtod(literal.c_str(), nullptr);
    Verdict expected = std::isfinite(nearest) ? Verdict{"", {nearest}} : Verdict{"undecodable", {}};
    ASSERT_EQ(VerdictOf(decoder, "{\"t\":0,\"d\":" + literal + "}"), expected) << literal;
  }
}

TEST(JsonRandom, DeepNestingIsRefusedNotFollowedForEver) {
  EventDecoder decoder = MakeDecoder(TestSource(), kAllColumns);
  auto nested = [](const std::string& open, const std::string& close, int depth) {
    std::string text = "{\"t\":0,\"x\":";
    for (int i = 0; i < depth; ++i) text += open;
    text += "0";
    for (int i = 0; i < depth; ++i) text += close;
    return text + "}";
  };
  for (const auto& [open, close] : {std::pair("[", "]"), std::pair("{\"a\":", "}")}) {
    EXPECT_EQ(VerdictOf(decoder, nested(open, close, 256)).reason, "");
    EXPECT_EQ(VerdictOf(decoder, nested(open, close, 257)).reason, "undecodable");
    EXPECT_EQ(VerdictOf(decoder, nested(open, close, 1'000'000)).reason, "undecodable");
  }
}

// Every cut of a text, in a buffer that ends where the text ends, for the address sanitizer.
TEST(JsonRandom, NothingIsReadBeyondTheText) {
  RandomJson random(5);
  v1::Source source = TestSource();
  EventDecoder decoder = MakeDecoder(source, kAllColumns);
  for (int i = 0; i < 50; ++i) {
    std::string text = random.Record(source);
    for (size_t length = 0; length < text.size(); ++length) {
      std::vector<char> exact(text.begin(), text.begin() + static_cast<ptrdiff_t>(length));
      VerdictOf(decoder, {exact.data(), exact.size()});
    }
  }
}

}  // namespace
}  // namespace forebay
