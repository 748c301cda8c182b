// A body of a request in a string that grows with what arrives: Beast's own reserves what the
// header promises. Includes Boost.Beast: for .cc files of this folder.
#ifndef FOREBAY_ONLINE_HTTP_ARRIVING_BODY_H_
#define FOREBAY_ONLINE_HTTP_ARRIVING_BODY_H_

#include <boost/asio/buffers_iterator.hpp>
#include <boost/beast/core/buffer_traits.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>
#include <cstddef>
#include <cstdint>
#include <string>

namespace forebay {

// What Beast's documentation calls a Body.
struct ArrivingBody {
  using value_type = std::string;

  static uint64_t size(const value_type& body) { return body.size(); }

  class reader {
   public:
    template <bool is_request, typename Fields>
    reader(boost::beast::http::header<is_request, Fields>&, value_type& body) : body_(body) {}

    void init(const boost::optional<uint64_t>&, boost::system::error_code& error) { error = {}; }

    template <typename Buffers>
    size_t put(const Buffers& buffers, boost::system::error_code& error) {
      error = {};
      size_t before = body_.size();
      for (boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(buffers)) {
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      return body_.size() - before;
    }

    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

}  // namespace forebay

#endif  // FOREBAY_ONLINE_HTTP_ARRIVING_BODY_H_
