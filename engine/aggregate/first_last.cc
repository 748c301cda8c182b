#include "engine/aggregate/first_last.h"

#include <utility>

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

template <typename T, bool kLast>
struct FirstLast {
  static bool Better(const Word* words, int64_t event_time, int64_t offset) {
    if (words[0] == 0) return true;
    auto mine = std::pair(AsInt64(words[1]), AsInt64(words[2]));
    auto other = std::pair(event_time, offset);
    return kLast ? other > mine : other < mine;
  }

  static void Update(Word* words, std::string* blobs, const AggregateInput& input) {
    if (Better(words, input.event_time, input.offset)) {
      words[1] = ToWord(input.event_time);
      words[2] = ToWord(input.offset);
      T::Store(words + 3, blobs, T::Read(input));
    }
    ++words[0];
  }

  static void Merge(Word* words, std::string* blobs, const Word* other,
                    const std::string* other_blobs) {
    if (other[0] == 0) return;
    if (Better(words, AsInt64(other[1]), AsInt64(other[2]))) {
      words[1] = other[1];
      words[2] = other[2];
      T::Store(words + 3, blobs, T::Load(other + 3, other_blobs));
    }
    words[0] += other[0];
  }

  static Scalar Finalize(const Word* words, const std::string* blobs) {
    return words[0] == 0 ? Scalar::Null() : T::Finalize(words + 3, blobs);
  }
};

template <bool kLast>
AggregateFunctions Functions(DataType type) {
  return ForType(type, []<typename T>() {
    using F = FirstLast<T, kLast>;
    return AggregateFunctions{.words = 4,
                              .blobs = T::kBlobs,
                              .update = F::Update,
                              .merge = MergeEach<F::Merge>,
                              .finalize = F::Finalize};
  });
}

}  // namespace

AggregateFunctions FirstFunctions(DataType argument) { return Functions<false>(argument); }
AggregateFunctions LastFunctions(DataType argument) { return Functions<true>(argument); }

}  // namespace forebay
