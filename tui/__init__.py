"""The app and the command line of Retrograde.

Sixteen rooms, each built on those below it only, and on the engine; with what opens and starts them:

    __main__     the command, as a module
    screenshot   pictures of the app for the docs
    cli          the command line, a file a subcommand
    app          opens the screens; reads a scenario in the background
    web          the app in a browser: a server, one app a page
    agents       sessions for agents: tools with schemas, over the Model Context Protocol
    editors      a session as the debuggee of an editor, over the Debug Adapter Protocol
    debugger     the main screen and its parts: moving, running, editing, selecting, painting, keeping
    screens      the screens over it: picker, help, command line, questions, lists
    views        from a reading to what is on the screen, a file a panel
    pictures     what a step looks like, a file a kind of picture
    widgets      what draws a panel and knows nothing else
    reading      the session at one position
    work         runs and searches in threads
    drawing      lines of characters for any size
    records      what is on the screen, frozen
    commands     the commands of the app, their keys and words
    canvas       spans, inks, glyphs, themes
    plain        what is said of a session as plain values, for JSON
"""
