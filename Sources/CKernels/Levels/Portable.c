// SPDX-License-Identifier: Apache-2.0
#include "../KernelTable.h"

#define CK_LEVEL CK_LEVEL_PORTABLE
#define CK(name) name##_portable
#define CK_TABLE ck_table_portable

#include "../Kernels/Level.h"
