#pragma once
// Back-pressure: what would make the outbox grow beyond its bound is not committed, and so not read.

#include <memory>

#include "flow/store.h"
#include "sink/outbox_drainer.h"

namespace waybill::sink {

/// Passes everything on to `inner`, except commits with outbox entries while figures.rows is at `rows_max` or
/// more: these fail with kLimit and write nothing, so that their Tasks pause and try again. One commit may
/// go beyond the bound, and so may other processes for the second until measure() sees theirs. Both
/// references outlive it.
std::unique_ptr<flow::Store> make_bounded_outbox(flow::Store& inner, OutboxFigures& figures,
                                                 int64_t rows_max);

}  // namespace waybill::sink
