#include "engine/aggregate/summary.h"

#include <limits>

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

__extension__ typedef __int128 Int128;

// The sum of each type: how it lies in words, and what is read from it.
struct DoubleSum {
  using Value = DoubleValue;
  using Number = double;
  using Sum = double;
  static constexpr int kWords = 1;
  static double Load(const Word* sum) { return AsDouble(*sum); }
  static void Store(Word* sum, double value) { *sum = ToWord(value); }
  static Scalar Total(double sum) { return Scalar::Double(sum); }
};

struct Int64Sum {
  using Value = Int64Value;
  using Number = int64_t;
  using Sum = Int128;
  static constexpr int kWords = 2;
  static Int128 Load(const Word* sum) {
    return static_cast<Int128>((static_cast<unsigned __int128>(sum[1]) << 64) | sum[0]);
  }
  static void Store(Word* sum, Int128 value) {
    auto bits = static_cast<unsigned __int128>(value);
    sum[0] = static_cast<Word>(bits);
    sum[1] = static_cast<Word>(bits >> 64);
  }
  static Scalar Total(Int128 sum) {
    constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
    constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
    if (sum > kMax) return Scalar::Int64(kMax);
    if (sum < kMin) return Scalar::Int64(kMin);
    return Scalar::Int64(static_cast<int64_t>(sum));
  }
};

template <typename S, SummaryParts kParts>
struct Summary {
  using V = typename S::Value;
  using Number = typename S::Number;
  static constexpr bool kHasSum = (kParts & kSumPart) != 0;
  static constexpr bool kHasMin = (kParts & kMinPart) != 0;
  static constexpr bool kHasMax = (kParts & kMaxPart) != 0;
  static constexpr int kSum = 1;
  static constexpr int kMin = kSum + (kHasSum ? S::kWords : 0);
  static constexpr int kMax = kMin + (kHasMin ? 1 : 0);
  static constexpr int kWords = kMax + (kHasMax ? 1 : 0);

  // In registers while events or tiles are added.
  struct Parts {
    Word count = 0;
    typename S::Sum sum{};
    Number least{};
    Number greatest{};

    static Parts Load(const Word* words) {
      Parts parts;
      parts.count = words[0];
      if constexpr (kHasSum) parts.sum = S::Load(words + kSum);
      if constexpr (kHasMin) parts.least = V::Load(words + kMin, nullptr);
      if constexpr (kHasMax) parts.greatest = V::Load(words + kMax, nullptr);
      return parts;
    }

    void Store(Word* words) const {
      words[0] = count;
      if constexpr (kHasSum) S::Store(words + kSum, sum);
      if constexpr (kHasMin) V::Store(words + kMin, nullptr, least);
      if constexpr (kHasMax) V::Store(words + kMax, nullptr, greatest);
    }

    // REQUIRES: neither is empty.
    void Add(const Parts& later) {
      count += later.count;
      if constexpr (kHasSum) sum += later.sum;
      if constexpr (kHasMin) least = later.least < least ? later.least : least;
      if constexpr (kHasMax) greatest = later.greatest > greatest ? later.greatest : greatest;
    }
  };

  static void Update(Word* words, std::string*, const AggregateInput& input) {
    Number value = V::Read(input);
    Parts parts = Parts::Load(words);
    if (parts.count == 0) parts.least = parts.greatest = value;
    parts.Add({1, static_cast<typename S::Sum>(value), value, value});
    parts.Store(words);
  }

  // Of a run of tiles, and of what is merged already in `parts`.
  static Parts Total(const PartialRun& tiles, Parts parts) {
    const Word* tile = tiles.words;
    size_t left = tiles.count;
    for (; parts.count == 0 && left > 0; --left, tile += tiles.stride) parts = Parts::Load(tile);
    for (; left > 0; --left, tile += tiles.stride) {
      if (tile[0] != 0) parts.Add(Parts::Load(tile));
    }
    return parts;
  }

  static void Merge(Word* words, std::string*, const PartialRun& tiles) {
    Total(tiles, Parts::Load(words)).Store(words);
  }

  static Scalar ValueOf(const Parts& parts, SummaryValue value) {
    if (value == SummaryValue::kCount) return Scalar::Int64(static_cast<int64_t>(parts.count));
    if (parts.count == 0) return Scalar::Null();
    switch (value) {
      case SummaryValue::kSum:
        return S::Total(parts.sum);
      case SummaryValue::kMean:
        return Scalar::Double(static_cast<double>(parts.sum) / static_cast<double>(parts.count));
      case SummaryValue::kMin:
        return V::ToScalar(parts.least);
      default:
        return V::ToScalar(parts.greatest);
    }
  }

  static void Read(const PartialRun& tiles, const PartialReadings& readings, Scalar* features) {
    const Parts parts = Total(tiles, {});
    auto read = [&](SummaryValue value) {
      const int column = readings[value];
      if (column != PartialReadings::kNowhere) SetNumber(&features[column], ValueOf(parts, value));
    };
    read(SummaryValue::kCount);
    if constexpr (kHasSum) read(SummaryValue::kSum);
    if constexpr (kHasSum) read(SummaryValue::kMean);
    if constexpr (kHasMin) read(SummaryValue::kMin);
    if constexpr (kHasMax) read(SummaryValue::kMax);
  }

  template <SummaryValue kValue>
  static Scalar Finalize(const Word* words, const std::string*) {
    return ValueOf(Parts::Load(words), kValue);
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
            .merge = Merge,
            .finalize = FinalizeOf(value),
            .read = Read};
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
