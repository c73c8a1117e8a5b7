#pragma once
// "did you mean": the nearest of some known names. Pure.

#include <span>
#include <string>
#include <string_view>

namespace waybill::cli {

/// The candidate with the smallest Damerau-Levenshtein (restricted) distance to `word`, when it is at most a
/// third of the word's length (at least 1); else empty. O(|word| * |candidate|) each; words above 64 bytes
/// have no neighbour.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// "; did you mean \"x\"?" or nothing.
std::string suggestion(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace waybill::cli
