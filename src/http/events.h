#pragma once
// Server-sent events (WHATWG HTML, section 9.2): who listens, and what they are told.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace waybill::http {

/// The bytes of one event. `name` and `data` hold no line breaks.
std::string event_text(std::string_view name, std::string_view data);

/// What one listener may have waiting before it is told to read everything anew instead.
inline constexpr size_t kEventsWaitingMax = 64;

/// Passes events on to the streams that are open. Thread-safe. Each listener is called on the publisher's
/// thread and only hands the event over.
class EventHub : public std::enable_shared_from_this<EventHub> {
 public:
  using Event = std::shared_ptr<const std::string>;  ///< shared: one text for all listeners
  using Listener = std::function<void(const Event&)>;

  /// `streams_max`: more than these are refused, so that the page of a large company does not take all
  /// connections. `overflow`: the event that stands for those that a slow reader missed.
  EventHub(int streams_max, std::string overflow);

  /// A place for one stream, given back when it goes. Null when there are `streams_max` already.
  class Place {
   public:
    explicit Place(std::shared_ptr<EventHub> hub) : hub_(std::move(hub)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place();
    void listen(Listener listener);
    const std::string& overflow() const { return hub_->overflow_; }

   private:
    std::shared_ptr<EventHub> hub_;
    uint64_t id_ = 0;  ///< 0 = does not listen yet
  };
  std::shared_ptr<Place> open();

  void publish(std::string_view name, std::string_view data);
  int streams() const;

 private:
  const int streams_max_;
  const std::string overflow_;
  mutable std::mutex mutex_;
  int streams_ = 0;
  uint64_t last_id_ = 0;
  std::map<uint64_t, Listener> listeners_;
};

}  // namespace waybill::http
