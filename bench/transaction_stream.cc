#include "bench/transaction_stream.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <iterator>
#include <numeric>
#include <utility>

namespace forebay {
namespace {

constexpr int64_t kStart = 1'767'225'600'000;  // 2026-01-01T00:00:00Z, in milliseconds
constexpr int64_t kThreeDays = 3 * 86'400'000;
constexpr uint32_t kMostLate = 120'000;  // milliseconds

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

const char* Sign(const Coordinate& coordinate) { return coordinate.negative ? "-" : ""; }

}  // namespace

uint64_t RandomNumbers::Next() {
  uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::string Transaction::transaction_id() const { return fmt::format("t{:08}", number); }
std::string Transaction::merchant_id() const { return fmt::format("m{:05}", merchant); }
std::string Transaction::device_id() const { return fmt::format("d{:06x}", device); }

void AppendJson(const Transaction& t, std::string* out) {
  fmt::format_to(
      std::back_inserter(*out),
      R"({{"transaction_id":"t{:08}","user_id":"{}","merchant_id":"m{:05}","amount":{}.{:02},)"
      R"("currency":"{}","country":"{}","channel":"{}","mcc":{},"device_id":"d{:06x}",)"
      R"("latitude":{}{}.{:04},"longitude":{}{}.{:04},"event_time":{}}})",
      t.number, t.user_id, t.merchant, t.cents / 100, t.cents % 100, t.currency, t.country,
      t.channel, t.mcc, t.device, Sign(t.latitude), t.latitude.degrees, t.latitude.fraction,
      Sign(t.longitude), t.longitude.degrees, t.longitude.fraction, t.event_time);
}

TransactionStream::TransactionStream(const TransactionStreamOptions& options)
    : options_(options), random_(options.seed), user_of_rank_(options.users) {
  ShareByRank();
  std::iota(user_of_rank_.begin(), user_of_rank_.end(), 0);
  RandomNumbers shuffle(options.seed ^ 0xABCDEFu);
  for (uint32_t i = options.users; i > 1; --i) {
    std::swap(user_of_rank_[i - 1], user_of_rank_[shuffle.Below(i)]);
  }
}

void TransactionStream::ShareByRank() {
  const uint32_t users = options_.users;
  std::vector<double> share(users);
  double sum = 0;
  for (uint32_t rank = 0; rank < users; ++rank) {
    sum += share[rank] = std::pow(rank + 1.0, -options_.zipf);
  }
  stays_.assign(users, 1);
  alias_.resize(users);
  std::vector<uint32_t> small, large;  // columns that lack of an even share, and that exceed it
  for (uint32_t rank = 0; rank < users; ++rank) {
    share[rank] *= users / sum;
    alias_[rank] = rank;
    (share[rank] < 1 ? small : large).push_back(rank);
  }
  while (!small.empty() && !large.empty()) {
    uint32_t filled = small.back(), giver = large.back();
    small.pop_back();
    stays_[filled] = share[filled];
    alias_[filled] = giver;
    share[giver] -= 1 - share[filled];
    if (share[giver] < 1) {
      large.pop_back();
      small.push_back(giver);
    }
  }
}

uint32_t TransactionStream::NextUser() {
  uint32_t column = random_.Below(options_.users);
  return user_of_rank_[random_.Uniform() < stays_[column] ? column : alias_[column]];
}

int64_t TransactionStream::NextTime() {
  double turn = static_cast<double>(number_) * kThreeDays;
  int64_t time = kStart + static_cast<int64_t>(turn / static_cast<double>(options_.in_three_days));
  if (random_.Below(100) < options_.late_percent) time -= 1 + random_.Below(kMostLate);
  return time;
}

void TransactionStream::Next(Transaction* t) {
  const uint32_t user = NextUser();
  t->number = number_;
  t->user_id.clear();
  fmt::format_to(std::back_inserter(t->user_id), "u{:0{}}", user, options_.key_length - 1);
  double skewed = random_.Uniform();
  skewed *= random_.Uniform();
  skewed *= random_.Uniform();
  t->cents = 50 + static_cast<uint32_t>(skewed * 200'000);
  const Country& country = CountryOf(random_.Below(100));
  t->country = country.name;
  t->currency = country.currency;
  t->event_time = NextTime();
  const uint64_t a = random_.Next(), b = random_.Next();
  t->merchant = static_cast<uint32_t>((a & 0xFFFF) * ((a >> 16) & 0xFFFF) % 60'000);
  t->device = ((user * 2'654'435'761u) ^ static_cast<uint32_t>((a >> 32) & 1)) & 0xFFFFFF;
  t->channel = kChannels[(a >> 40) & 3];
  t->mcc = kMerchantCategories[(a >> 44) & 15];
  t->latitude = {(b & 1) != 0, static_cast<uint32_t>((b >> 8) % 90),
                 static_cast<uint32_t>((b >> 16) % 10'000)};
  t->longitude = {(b & 2) != 0, static_cast<uint32_t>((b >> 32) % 180),
                  static_cast<uint32_t>((b >> 44) % 10'000)};
  ++number_;
}

}  // namespace forebay
