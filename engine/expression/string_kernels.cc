// Strings are UTF-8 and counted in code points. Results that are part of an argument share its
// bytes.
#include <algorithm>
#include <array>
#include <cstring>

#include "engine/expression/kernel.h"
#include "engine/expression/letter_case.h"
#include "engine/expression/like.h"

namespace forebay {
namespace {

using Text = std::string_view;
constexpr auto kString = DataType::kString;
constexpr auto kBytes = DataType::kBytes;
constexpr auto kInt64 = DataType::kInt64;
constexpr auto kBool = DataType::kBool;

bool StartsSequence(char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }

int64_t Length(Text text) { return std::count_if(text.begin(), text.end(), StartsSequence); }

int64_t ByteLength(Text bytes) { return static_cast<int64_t>(bytes.size()); }

template <size_t (*convert)(Text, char*)>
void ConvertCase(const KernelCall& call) {
  const Text* a = call.Argument<Text>(0);
  Text* result = call.Result<Text>();
  for (int64_t row = 0; row < call.length(); ++row) {
    const size_t room = a[row].size() * kCaseGrowth;
    char* text = call.arena()->Allocate(room);
    const size_t size = convert(a[row], text);
    call.arena()->Shrink(room - size);
    result[row] = {text, size};
  }
}

// The code points [first, last) of `text`, from 0; outside it there are none.
Text Slice(Text text, __int128 first, __int128 last) {
  size_t i = 0;
  __int128 position = 0;
  const auto skip_to = [&](__int128 wanted) {
    while (position < wanted && i < text.size()) {
      for (++i; i < text.size() && !StartsSequence(text[i]); ++i) {
      }
      ++position;
    }
    return i;
  };
  const size_t begin = skip_to(first);
  return text.substr(begin, std::max(skip_to(last), begin) - begin);
}

// Positions go from 1, those below 0 from the end, and 0 is the one before the first.
__int128 FirstPosition(Text text, int64_t start) {
  if (start < 0) return static_cast<__int128>(Length(text)) + start;
  return static_cast<__int128>(start) - 1;
}

Text SubstrFrom(Text text, int64_t start) {
  return Slice(text, FirstPosition(text, start), static_cast<__int128>(text.size()));
}

// A length below 0 goes to the left of the position.
void Substr(const KernelCall& call) {
  const Text* text = call.Argument<Text>(0);
  const int64_t* start = call.Argument<int64_t>(1);
  const int64_t* length = call.Argument<int64_t>(2);
  Text* result = call.Result<Text>();
  for (int64_t row = 0; row < call.length(); ++row) {
    const __int128 first = FirstPosition(text[row], start[row]);
    const __int128 other = first + length[row];
    result[row] = Slice(text[row], std::min(first, other), std::max(first, other));
  }
}

// What trim removes if it is not told: the space separators of Unicode.
constexpr std::array<Text, 17> kSpaces = {" ",
                                          "\xC2\xA0",
                                          "\xE1\x9A\x80",
                                          "\xE2\x80\x80",
                                          "\xE2\x80\x81",
                                          "\xE2\x80\x82",
                                          "\xE2\x80\x83",
                                          "\xE2\x80\x84",
                                          "\xE2\x80\x85",
                                          "\xE2\x80\x86",
                                          "\xE2\x80\x87",
                                          "\xE2\x80\x88",
                                          "\xE2\x80\x89",
                                          "\xE2\x80\x8A",
                                          "\xE2\x80\xAF",
                                          "\xE2\x81\x9F",
                                          "\xE3\x80\x80"};

bool IsSpace(Text one) { return std::find(kSpaces.begin(), kSpaces.end(), one) != kSpaces.end(); }

template <typename Removed>
Text TrimLeft(Text text, Removed removed) {
  while (!text.empty()) {
    const size_t size = std::min<size_t>(static_cast<size_t>(SequenceLength(text[0])), text.size());
    if (!removed(text.substr(0, size))) break;
    text.remove_prefix(size);
  }
  return text;
}

template <typename Removed>
Text TrimRight(Text text, Removed removed) {
  while (!text.empty()) {
    size_t start = text.size() - 1;
    while (start > 0 && !StartsSequence(text[start])) --start;
    if (!removed(text.substr(start))) break;
    text.remove_suffix(text.size() - start);
  }
  return text;
}

template <bool left, bool right>
Text Trim(Text text) {
  if (left) text = TrimLeft(text, IsSpace);
  return right ? TrimRight(text, IsSpace) : text;
}

template <bool left, bool right>
Text TrimOf(Text text, Text characters) {
  const auto removed = [&](Text one) { return characters.find(one) != Text::npos; };
  if (left) text = TrimLeft(text, removed);
  return right ? TrimRight(text, removed) : text;
}

uint8_t StartsWith(Text text, Text part) { return text.starts_with(part); }
uint8_t EndsWith(Text text, Text part) { return text.ends_with(part); }
uint8_t Contains(Text text, Text part) { return text.find(part) != Text::npos; }
uint8_t Like(Text text, Text pattern) { return MatchesLike(text, pattern); }

// Null arguments are left out: strict calls have none in rows that matter.
void Join(const KernelCall& call) {
  Text* result = call.Result<Text>();
  for (int64_t row = 0; row < call.length(); ++row) {
    size_t size = 0;
    for (int i = 0; i < call.count(); ++i) {
      if (call.argument(i).vector.IsValid(row)) size += call.Argument<Text>(i)[row].size();
    }
    char* const text = call.arena()->Allocate(size);
    char* end = text;
    for (int i = 0; i < call.count(); ++i) {
      if (!call.argument(i).vector.IsValid(row)) continue;
      const Text part = call.Argument<Text>(i)[row];
      end = std::copy(part.begin(), part.end(), end);
    }
    result[row] = {text, size};
  }
}

}  // namespace

void AddStringKernels(std::vector<Kernel>* kernels) {
  const std::vector<DataType> one = {kString};
  const std::vector<DataType> two = {kString, kString};
  kernels->push_back({"lower", one, kString, ConvertCase<ToLower>});
  kernels->push_back({"upper", one, kString, ConvertCase<ToUpper>});
  kernels->push_back({"length", one, kInt64, MapRows<Text, int64_t, Length>});
  kernels->push_back({"octet_length", {kBytes}, kInt64, MapRows<Text, int64_t, ByteLength>});
  kernels->push_back(
      {"substr", {kString, kInt64}, kString, MapRows<Text, int64_t, Text, SubstrFrom>});
  kernels->push_back({"substr", {kString, kInt64, kInt64}, kString, Substr});
  kernels->push_back({"trim", one, kString, MapRows<Text, Text, Trim<true, true>>});
  kernels->push_back({"ltrim", one, kString, MapRows<Text, Text, Trim<true, false>>});
  kernels->push_back({"rtrim", one, kString, MapRows<Text, Text, Trim<false, true>>});
  kernels->push_back({"trim", two, kString, MapRows<Text, Text, Text, TrimOf<true, true>>});
  kernels->push_back({"ltrim", two, kString, MapRows<Text, Text, Text, TrimOf<true, false>>});
  kernels->push_back({"rtrim", two, kString, MapRows<Text, Text, Text, TrimOf<false, true>>});
  kernels->push_back({"starts_with", two, kBool, MapRows<Text, Text, uint8_t, StartsWith>});
  kernels->push_back({"ends_with", two, kBool, MapRows<Text, Text, uint8_t, EndsWith>});
  kernels->push_back({"contains", two, kBool, MapRows<Text, Text, uint8_t, Contains>});
  kernels->push_back({"like", two, kBool, MapRows<Text, Text, uint8_t, Like>});
  kernels->push_back({"append", two, kString, Join});
  kernels->push_back({"append", {kBytes, kBytes}, kBytes, Join});
  kernels->push_back({"concat", one, kString, Join, NullRule::kOwn, Shape::kVariadic});
}

}  // namespace forebay
