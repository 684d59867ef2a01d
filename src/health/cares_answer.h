// What c-ares says, in our words.
#pragma once

#include "health/resolver.h"

struct ares_addrinfo;  // c-ares', whose header stays out of ours. NOLINT(readability-identifier-naming)

namespace drover::health {

// Of a callback of ares_getaddrinfo(): `status` is ARES_SUCCESS and its like, `found` is null unless that. `family` is
// AF_INET or AF_INET6; addresses of another are left out.
FamilyAnswer family_answer(int family, int status, const ares_addrinfo* found);

// Of the hosts file, both families at once.
Answer hosts_file_answer(const ares_addrinfo* found);

}  // namespace drover::health
