// lifeline.h - ends a worker process when its parent has ended.
//
// In C, because a thread of Python's could not: user code that holds the interpreter's lock for minutes would keep it alive.
#pragma once

// Wait until `lifeline`, which nobody writes to, reports its end, or until the parent is not process `parent` any more: a
// child that the parent forked has the other end of the lifeline too, and may outlive it. Then end this process, and with it
// what it has started, if it leads a process group. Does not return.
void puf_follow_parent(int lifeline, long parent);
