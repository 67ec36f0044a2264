// A partition drawn inside (SOTER, USENIX ATC 2022, section 4, in the paper's own place; docs/decisions/0023-partitions-drawn-inside.md):
// which float segments of a plan are public, and under which scales, is a matter of this load alone.
#ifndef PENUMBRA_TRUSTED_PLAN_PARTITION_H_
#define PENUMBRA_TRUSTED_PLAN_PARTITION_H_

#include "boundary/status.h"
#include "crypto/keystream.h"
#include "trusted/plan/plan.h"

namespace penumbra::trusted {

// Fills plan->lots from `stream`, whose key served nothing else, and shortens the programs to the ways they chose; without lots it
// does nothing. The plan is parsed and not yet proved.
// Errors: kPlanRejected (a program does not decode), kInternal (the stream failed, or no draw of very many fitted).
Status DrawPartition(crypto::Keystream* stream, Plan* plan);

}  // namespace penumbra::trusted

#endif  // PENUMBRA_TRUSTED_PLAN_PARTITION_H_
