// lifeline.h - ends a worker process when its parent has ended.
//
// In C, because a Python thread cannot: user code may hold the interpreter's lock for minutes.
#pragma once

// Wait until `lifeline`, which is never written to, reports end of file, or until the parent is no longer process
// `parent`: a child that the parent forked also has the other end of the lifeline, and may outlive it. Then end this
// process and, if it leads a process group, everything it has started. Does not return.
void puf_follow_parent(int lifeline, long parent);
