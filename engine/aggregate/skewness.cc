#include "engine/aggregate/skewness.h"

#include <algorithm>
#include <cmath>

#include "engine/aggregate/words.h"

namespace forebay {
namespace {

struct Moments {
  explicit Moments(const Word* words)
      : n(static_cast<double>(words[0])),
        mean(AsDouble(words[1])),
        m2(AsDouble(words[2])),
        m3(AsDouble(words[3])) {}
  Moments(double n, double mean) : n(n), mean(mean) {}

  double n, mean, m2 = 0, m3 = 0;
};

void Add(Word* words, const Moments& b) {
  Moments a(words);
  double n = a.n + b.n;
  double delta = b.mean - a.mean;
  double m2 = a.m2 + b.m2 + delta * delta * (a.n * b.n / n);
  double m3 = a.m3 + b.m3 + delta * delta * delta * (a.n * b.n * (a.n - b.n) / (n * n)) +
              3 * delta * (a.n * b.m2 - b.n * a.m2) / n;
  words[1] = ToWord(a.mean + delta * (b.n / n));
  words[2] = ToWord(m2);
  words[3] = ToWord(m3);
}

void Update(Word* words, std::string*, const AggregateInput& input) {
  Add(words, Moments(1, input.argument->doubles[input.row]));
  ++words[0];
}

void Merge(Word* words, std::string*, const Word* tile, const std::string*) {
  if (tile[0] == 0) return;
  if (words[0] == 0) {
    std::copy_n(tile, 4, words);
    return;
  }
  Add(words, Moments(tile));
  words[0] += tile[0];
}

Scalar Finalize(const Word* words, const std::string*) {
  Moments moments(words);
  if (words[0] < 3 || moments.m2 == 0) return Scalar::Null();
  double n = moments.n;
  double population = std::sqrt(n) * moments.m3 / (moments.m2 * std::sqrt(moments.m2));
  return Scalar::Double(std::sqrt(n * (n - 1)) / (n - 2) * population);
}

}  // namespace

AggregateFunctions SkewnessFunctions() {
  return {.words = 4, .update = Update, .merge = MergeEach<Merge>, .finalize = Finalize};
}

}  // namespace forebay
