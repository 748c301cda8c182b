#include "engine/aggregate/moments.h"

#include <cmath>

#include "engine/aggregate/words.h"

namespace forebay {
namespace {

void Update(Word* words, std::string*, const AggregateInput& input) {
  double x = input.argument->doubles[input.row];
  double n = static_cast<double>(++words[0]);
  double mean = AsDouble(words[1]);
  double delta = x - mean;
  mean += delta / n;
  words[1] = ToWord(mean);
  words[2] = ToWord(AsDouble(words[2]) + delta * (x - mean));
}

void Merge(Word* words, std::string*, const Word* other, const std::string*) {
  if (other[0] == 0) return;
  if (words[0] == 0) {
    for (int i = 0; i < 3; ++i) words[i] = other[i];
    return;
  }
  double a = static_cast<double>(words[0]);
  double b = static_cast<double>(other[0]);
  double n = a + b;
  double delta = AsDouble(other[1]) - AsDouble(words[1]);
  words[0] += other[0];
  words[1] = ToWord(AsDouble(words[1]) + delta * (b / n));
  words[2] = ToWord(AsDouble(words[2]) + AsDouble(other[2]) + delta * delta * (a * b / n));
}

// kLess: 1 for the sample form, 0 for the population form.
template <int kLess, bool kRoot>
Scalar Finalize(const Word* words, const std::string*) {
  if (words[0] <= kLess) return Scalar::Null();
  double variance = AsDouble(words[2]) / static_cast<double>(words[0] - kLess);
  return Scalar::Double(kRoot ? std::sqrt(variance) : variance);
}

template <int kLess, bool kRoot>
AggregateFunctions Functions() {
  return {
      .words = 3, .update = Update, .merge = MergeEach<Merge>, .finalize = Finalize<kLess, kRoot>};
}

}  // namespace

AggregateFunctions VarianceFunctions() { return Functions<1, false>(); }
AggregateFunctions VariancePopFunctions() { return Functions<0, false>(); }
AggregateFunctions StddevFunctions() { return Functions<1, true>(); }
AggregateFunctions StddevPopFunctions() { return Functions<0, true>(); }

}  // namespace forebay
