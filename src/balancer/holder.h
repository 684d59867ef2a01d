// Who holds a lease on a backend, in the list that its worker has of them: so a drain finds the sessions of one backend
// without a look at those of all others. One thread a list.
#pragma once

#include "base/intrusive_list.h"

namespace drover::balancer {

class Holder : public ListNode {
 protected:
  ~Holder() = default;
};

using Holders = IntrusiveList<Holder>;

}  // namespace drover::balancer
