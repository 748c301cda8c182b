#include "bench/transaction_stream.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

namespace forebay {
namespace {

// SplitMix64: the same numbers everywhere, which the distributions of <random> do not promise.
class Random {
 public:
  explicit Random(uint64_t state) : state_(state) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
  uint32_t Below(uint32_t bound) {
    return static_cast<uint32_t>(((Next() >> 32) * uint64_t{bound}) >> 32);
  }

 private:
  uint64_t state_;
};

struct Country {
  const char* name;
  const char* currency;
};
constexpr std::array<Country, 10> kCountries = {{{"US", "USD"},
                                                 {"GB", "GBP"},
                                                 {"DE", "EUR"},
                                                 {"FR", "EUR"},
                                                 {"CA", "CAD"},
                                                 {"JP", "JPY"},
                                                 {"BR", "BRL"},
                                                 {"IN", "INR"},
                                                 {"MX", "MXN"},
                                                 {"ES", "EUR"}}};
constexpr std::array<const char*, 4> kChannels = {"pos", "ecom", "atm", "moto"};
constexpr std::array<int, 16> kMerchantCategories = {
    5411, 5812, 5541, 5999, 4111, 5912, 7011, 4814, 5732, 6011, 5311, 5814, 4121, 5651, 7995, 5967};

// 82 % at home, 2 % in each of the others.
const Country& CountryOf(uint32_t percent) {
  return kCountries[percent < 82 ? 0 : 1 + (percent - 82) / 2];
}

}  // namespace

TransactionStream::TransactionStream(const TransactionStreamOptions& options)
    : seed_(options.seed), share_up_to_(options.users), user_of_rank_(options.users) {
  double sum = 0;
  for (uint32_t rank = 0; rank < options.users; ++rank) {
    share_up_to_[rank] = sum += std::pow(rank + 1.0, -options.zipf);
  }
  for (double& share : share_up_to_) share /= sum;
  std::iota(user_of_rank_.begin(), user_of_rank_.end(), 0);
  Random random(options.seed ^ 0x5EED0F5E0F05E12Eu);
  for (uint32_t i = options.users; i > 1; --i) {
    std::swap(user_of_rank_[i - 1], user_of_rank_[random.Below(i)]);
  }
}

uint32_t TransactionStream::UserOf(double uniform) const {
  auto rank = std::upper_bound(share_up_to_.begin(), std::prev(share_up_to_.end()), uniform);
  return user_of_rank_[static_cast<size_t>(rank - share_up_to_.begin())];
}

void TransactionStream::Fill(uint64_t number, Transaction* transaction) const {
  Random random(Random(seed_ + number * 0xD1B54A32D192ED03u).Next());
  uint32_t user = UserOf(random.Uniform());
  double skewed = random.Uniform() * random.Uniform() * random.Uniform();
  uint32_t cents = 50 + static_cast<uint32_t>(skewed * 200'000);
  const Country& country = CountryOf(random.Below(100));
  uint32_t merchant = static_cast<uint32_t>(random.Uniform() * random.Uniform() * 60'000);
  uint32_t device = (user * 2 + random.Below(2)) * 2'654'435'761u & 0xFFFFFF;
  int64_t time = kStart + static_cast<int64_t>(static_cast<double>(number) * kMillisecondsApart);
  if (random.Below(100) < 2) time -= 1 + random.Below(120'000);

  transaction->user_id.clear();
  fmt::format_to(std::back_inserter(transaction->user_id), "u{:07}", user);
  transaction->event_time = time;
  transaction->value.clear();
  fmt::format_to(
      std::back_inserter(transaction->value),
      R"({{"transaction_id":"t{:08}","user_id":"{}","merchant_id":"m{:05}","amount":{}.{:02},)"
      R"("currency":"{}","country":"{}","channel":"{}","mcc":{},"device_id":"d{:06x}",)"
      R"("latitude":{:.4f},"longitude":{:.4f},"event_time":{}}})",
      number, transaction->user_id, merchant, cents / 100, cents % 100, country.currency,
      country.name, kChannels[random.Below(4)], kMerchantCategories[random.Below(16)], device,
      random.Below(1'800'000) / 10'000.0 - 90, random.Below(3'600'000) / 10'000.0 - 180, time);
}

}  // namespace forebay
