#include "engine/aggregate/text_extreme.h"

#include "engine/aggregate/typed_value.h"

namespace forebay {
namespace {

// Words: count, value.
template <typename T, bool kMax>
struct Extreme {
  template <typename V>
  static bool Better(const V& a, const V& b) {
    return kMax ? a > b : a < b;
  }

  static void Update(Word* words, std::string* blobs, const AggregateInput& input) {
    auto value = T::Read(input);
    if (words[0] == 0 || Better<decltype(value)>(value, T::Load(words + 1, blobs)))
      T::Store(words + 1, blobs, value);
    ++words[0];
  }

  static void Merge(Word* words, std::string* blobs, const Word* other,
                    const std::string* other_blobs) {
    if (other[0] == 0) return;
    auto value = T::Load(other + 1, other_blobs);
    if (words[0] == 0 || Better<decltype(value)>(value, T::Load(words + 1, blobs)))
      T::Store(words + 1, blobs, value);
    words[0] += other[0];
  }

  static Scalar Finalize(const Word* words, const std::string* blobs) {
    return words[0] == 0 ? Scalar::Null() : T::Finalize(words + 1, blobs);
  }
};

template <typename T, bool kMax>
AggregateFunctions FunctionsOf() {
  using E = Extreme<T, kMax>;
  return {.words = 2,
          .blobs = T::kBlobs,
          .update = E::Update,
          .merge = MergeEach<E::Merge>,
          .finalize = E::Finalize};
}

template <bool kMax>
AggregateFunctions Functions(DataType type) {
  return type == DataType::kBool ? FunctionsOf<BoolValue, kMax>()
                                 : FunctionsOf<StringValue, kMax>();
}

}  // namespace

AggregateFunctions TextMinFunctions(DataType argument) { return Functions<false>(argument); }
AggregateFunctions TextMaxFunctions(DataType argument) { return Functions<true>(argument); }

}  // namespace forebay
