// Child processes that the contract governs: a workflow's session, and host commands; and what the kernel can do
// for them.
#pragma once

#include "CSpawnCommand.h"
#include "CSpawnContainment.h"
#include "CSpawnKernel.h"
#include "CSpawnSession.h"
