#include "source/health_notes.h"

namespace waybill::source {

bool HealthNotes::set(std::string_view subject, std::string_view text) {
  std::lock_guard lock(mutex_);
  auto found = notes_.find(subject);
  if (found == notes_.end()) {
    if (notes_.size() >= kSubjectsMax) subject = "others";
    return notes_.insert_or_assign(std::string(subject), std::string(text)).second;
  }
  if (found->second == text) return false;
  found->second = text;
  return true;
}

bool HealthNotes::clear(std::string_view subject) {
  std::lock_guard lock(mutex_);
  auto found = notes_.find(subject);
  if (found == notes_.end()) return false;
  notes_.erase(found);
  return true;
}

bool HealthNotes::degraded() const {
  std::lock_guard lock(mutex_);
  return !notes_.empty();
}

bool HealthNotes::has(std::string_view subject) const {
  std::lock_guard lock(mutex_);
  return notes_.contains(subject);
}

std::string HealthNotes::detail() const {
  std::lock_guard lock(mutex_);
  std::string text;
  for (const auto& [subject, note] : notes_) {
    if (!text.empty()) text += "; ";
    text += subject + ": " + note;
  }
  return text;
}

}  // namespace waybill::source
