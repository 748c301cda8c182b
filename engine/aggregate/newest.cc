#include "engine/aggregate/newest.h"

#include <cmath>
#include <utility>

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

bool HasValue(const AggregateInput& input) {
  if (!input.argument->IsValid(input.row)) return false;
  return input.argument->type != DataType::kDouble ||
         !std::isnan(input.argument->doubles[input.row]);
}

template <typename T>
struct Newest {
  static constexpr int kWords = 5;

  static bool IsNewer(int64_t event_time, int64_t offset, const Word* words) {
    return words[0] == 0 ||
           std::pair(event_time, offset) > std::pair(AsInt64(words[1]), AsInt64(words[2]));
  }

  static void Forget(Word* words, std::string* blobs) {
    words[3] = 0;
    words[4] = 0;
    if constexpr (T::kBlobs > 0) blobs->clear();
  }

  static void Update(Word* words, std::string* blobs, const AggregateInput& input) {
    if (IsNewer(input.event_time, input.offset, words)) {
      words[1] = ToWord(input.event_time);
      words[2] = ToWord(input.offset);
      Forget(words, blobs);
      if (HasValue(input)) {
        T::Store(words + 3, blobs, T::Read(input));
        words[4] = 1;
      }
    }
    ++words[0];
  }

  static void Merge(Word* words, std::string* blobs, const Word* other,
                    const std::string* other_blobs) {
    if (other[0] == 0) return;
    if (IsNewer(AsInt64(other[1]), AsInt64(other[2]), words)) {
      words[1] = other[1];
      words[2] = other[2];
      Forget(words, blobs);
      if (other[4] != 0) T::Store(words + 3, blobs, T::Load(other + 3, other_blobs));
      words[4] = other[4];
    }
    words[0] += other[0];
  }

  static Scalar Finalize(const Word* words, const std::string* blobs) {
    return words[4] == 0 ? Scalar::Null() : T::Finalize(words + 3, blobs);
  }

  static bool IsIntact(const Word* words, const std::string*, Word) { return words[4] <= 1; }
};

}  // namespace

AggregateFunctions NewestFunctions(DataType argument) {
  return ForType(argument, []<typename T>() {
    using F = Newest<T>;
    return AggregateFunctions{.words = F::kWords,
                              .blobs = T::kBlobs,
                              .takes_nulls = true,
                              .update = F::Update,
                              .merge = MergeEach<F::Merge>,
                              .finalize = F::Finalize,
                              .is_intact = F::IsIntact};
  });
}

}  // namespace forebay
