"""Parsing in child processes that can do nothing else: a crash, a hang or a bomb is one file's state.

    pool    the parser that is handed in: which process takes a file, tries again, recycles       in the parent
    worker  one process: started, asked, timed, killed                                            in the parent
    frames  what goes through the pipes: a length, JSON, bytes                                    in both
    answers Parsed → frames, and back with every field checked: a child is not trusted            in both
    child   its loop                                                                              in the child
    limits  what it may use; confinement, landlock, seccomp, auditing: what it may do             in the child

What a child imports it loads in a moment: nothing is imported here.
"""
