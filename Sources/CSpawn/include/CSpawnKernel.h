// What this kernel can do for containment and for watching: asked of the kernel itself, for a version number
// says little about what a distribution has switched on.

#pragma once

// The version of Landlock's interface, from 1; 0 where there is none, or where it is switched off.
int flowdex_kernel_landlock_abi(void);

// 1 where seccomp filters can refuse a call with an errno, else 0.
int flowdex_kernel_has_seccomp(void);

// Makes and closes an inotify instance: 0, or the errno of what is in the way.
int flowdex_kernel_try_inotify(void);
