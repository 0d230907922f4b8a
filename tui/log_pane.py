"""A log on the screen: cursor, following, filter, matches, and what is done with its lines.

Interface (both the screen Logs and the tab Logs of a run use it):

    pane = LogPane(app, source)          # source: a LogFile or a MergedLog
    pane.enter() / pane.leave()          # begins / ends reading in the background
    pane.lines(width, height)            # rows of spans, exactly `height` at most
    pane.title()                         # lines, follow state, filter, hits
    pane.do_*()                          # every action of the table that a log knows
    pane.filter_text(), use_filter(text), scroll(lines), click(x, y), yanks(command)
    pane.go_to(place)
"""
