#include "http/events.h"

namespace waybill::http {

std::string event_text(std::string_view name, std::string_view data) {
  std::string text = "event: ";
  text += name;
  text += "\ndata: ";
  text += data;
  return text += "\n\n";
}

EventHub::EventHub(int streams_max, std::string overflow)
    : streams_max_(streams_max), overflow_(std::move(overflow)) {}

std::shared_ptr<EventHub::Place> EventHub::open() {
  std::lock_guard lock(mutex_);
  if (streams_ >= streams_max_) return nullptr;
  ++streams_;
  return std::make_shared<Place>(shared_from_this());
}

EventHub::Place::~Place() {
  std::lock_guard lock(hub_->mutex_);
  --hub_->streams_;
  hub_->listeners_.erase(id_);
}

void EventHub::Place::listen(Listener listener) {
  std::lock_guard lock(hub_->mutex_);
  id_ = ++hub_->last_id_;
  hub_->listeners_.emplace(id_, std::move(listener));
}

void EventHub::publish(std::string_view name, std::string_view data) {
  const auto event = std::make_shared<const std::string>(event_text(name, data));
  std::lock_guard lock(mutex_);
  for (const auto& [id, listener] : listeners_) listener(event);
}

int EventHub::streams() const {
  std::lock_guard lock(mutex_);
  return streams_;
}

}  // namespace waybill::http
