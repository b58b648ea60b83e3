// Child processes that the contract governs: a workflow's session, and host commands.
#pragma once

#include "CSpawnCommand.h"
#include "CSpawnSession.h"
