#include "engine/aggregate/summary.h"

#include <limits>

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

__extension__ typedef __int128 Int128;

// The sum of each type: how it lies in words, and what is read from it.
struct DoubleSum {
  using Value = DoubleValue;
  static constexpr int kWords = 1;
  static void Add(Word* sum, double value) { *sum = ToWord(AsDouble(*sum) + value); }
  static void AddSum(Word* sum, const Word* other) { Add(sum, AsDouble(*other)); }
  static Scalar Sum(const Word* sum) { return Scalar::Double(AsDouble(*sum)); }
  static Scalar Mean(const Word* sum, Word count) {
    return Scalar::Double(AsDouble(*sum) / static_cast<double>(count));
  }
};

struct Int64Sum {
  using Value = Int64Value;
  static constexpr int kWords = 2;
  static Int128 Load(const Word* sum) {
    return static_cast<Int128>((static_cast<unsigned __int128>(sum[1]) << 64) | sum[0]);
  }
  static void Add(Word* sum, Int128 value) {
    auto bits = static_cast<unsigned __int128>(Load(sum) + value);
    sum[0] = static_cast<Word>(bits);
    sum[1] = static_cast<Word>(bits >> 64);
  }
  static void AddSum(Word* sum, const Word* other) { Add(sum, Load(other)); }
  static Scalar Sum(const Word* sum) {
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    Int128 exact = Load(sum);
    if (exact > kMax) return Scalar::Int64(kMax);
    if (exact < kMin) return Scalar::Int64(kMin);
    return Scalar::Int64(static_cast<int64_t>(exact));
  }
  static Scalar Mean(const Word* sum, Word count) {
    return Scalar::Double(static_cast<double>(Load(sum)) / static_cast<double>(count));
  }
};

template <typename S, SummaryParts kParts>
struct Summary {
  using V = typename S::Value;
  static constexpr bool kHasSum = (kParts & kSumPart) != 0;
  static constexpr bool kHasMin = (kParts & kMinPart) != 0;
  static constexpr bool kHasMax = (kParts & kMaxPart) != 0;
  static constexpr int kSum = 1;
  static constexpr int kMin = kSum + (kHasSum ? S::kWords : 0);
  static constexpr int kMax = kMin + (kHasMin ? 1 : 0);
  static constexpr int kWords = kMax + (kHasMax ? 1 : 0);

  static void Update(Word* words, std::string*, const AggregateInput& input) {
    auto value = V::Read(input);
    bool first = words[0]++ == 0;
    if constexpr (kHasSum) S::Add(words + kSum, value);
    if constexpr (kHasMin) {
      if (first || value < V::Load(words + kMin, nullptr)) V::Store(words + kMin, nullptr, value);
    }
    if constexpr (kHasMax) {
      if (first || value > V::Load(words + kMax, nullptr)) V::Store(words + kMax, nullptr, value);
    }
  }

  static void MergeTile(Word* words, std::string*, const Word* tile, const std::string*) {
    if constexpr (kHasSum) S::AddSum(words + kSum, tile + kSum);
    if (tile[0] == 0) return;
    bool first = words[0] == 0;
    words[0] += tile[0];
    if constexpr (kHasMin) {
      if (first || V::Load(tile + kMin, nullptr) < V::Load(words + kMin, nullptr))
        words[kMin] = tile[kMin];
    }
    if constexpr (kHasMax) {
      if (first || V::Load(tile + kMax, nullptr) > V::Load(words + kMax, nullptr))
        words[kMax] = tile[kMax];
    }
  }

  template <SummaryValue kValue>
  static Scalar Finalize(const Word* words, const std::string*) {
    if constexpr (kValue == SummaryValue::kCount) {
      return Scalar::Int64(static_cast<int64_t>(words[0]));
    }
    if (words[0] == 0) return Scalar::Null();
    if constexpr (kValue == SummaryValue::kSum) return S::Sum(words + kSum);
    if constexpr (kValue == SummaryValue::kMean) return S::Mean(words + kSum, words[0]);
    if constexpr (kValue == SummaryValue::kMin) return V::Finalize(words + kMin, nullptr);
    return V::Finalize(words + kMax, nullptr);
  }

  using FinalizeFunction = Scalar (*)(const Word* words, const std::string* blobs);
  static FinalizeFunction FinalizeOf(SummaryValue value) {
    switch (value) {
      case SummaryValue::kSum:
        return Finalize<SummaryValue::kSum>;
      case SummaryValue::kMean:
        return Finalize<SummaryValue::kMean>;
      case SummaryValue::kMin:
        return Finalize<SummaryValue::kMin>;
      case SummaryValue::kMax:
        return Finalize<SummaryValue::kMax>;
      case SummaryValue::kNone:
      case SummaryValue::kCount:
        break;
    }
    return Finalize<SummaryValue::kCount>;
  }

  static AggregateFunctions Functions(SummaryValue value) {
    return {.words = kWords,
            .count_like = value == SummaryValue::kCount,
            .summary = value,
            .update = Update,
            .merge = MergeEach<MergeTile>,
            .finalize = FinalizeOf(value)};
  }
};

template <typename S>
AggregateFunctions FunctionsOf(SummaryParts parts, SummaryValue value) {
  switch (parts) {
    case 0:
      return Summary<S, 0>::Functions(value);
    case 1:
      return Summary<S, 1>::Functions(value);
    case 2:
      return Summary<S, 2>::Functions(value);
    case 3:
      return Summary<S, 3>::Functions(value);
    case 4:
      return Summary<S, 4>::Functions(value);
    case 5:
      return Summary<S, 5>::Functions(value);
    case 6:
      return Summary<S, 6>::Functions(value);
    default:
      return Summary<S, 7>::Functions(value);
  }
}

}  // namespace

SummaryParts PartsOf(SummaryValue value) {
  switch (value) {
    case SummaryValue::kSum:
    case SummaryValue::kMean:
      return kSumPart;
    case SummaryValue::kMin:
      return kMinPart;
    case SummaryValue::kMax:
      return kMaxPart;
    case SummaryValue::kNone:
    case SummaryValue::kCount:
      break;
  }
  return 0;
}

bool HasSummary(DataType argument, SummaryValue value) {
  if (argument == DataType::kTimestamp) return (PartsOf(value) & kSumPart) == 0;
  return argument == DataType::kInt64 || argument == DataType::kDouble;
}

AggregateFunctions SummaryFunctions(DataType argument, SummaryParts parts, SummaryValue value) {
  return argument == DataType::kDouble ? FunctionsOf<DoubleSum>(parts, value)
                                       : FunctionsOf<Int64Sum>(parts, value);
}

}  // namespace forebay
