"""Charts for a terminal: data and a size in, text out.

Every function is pure. A chart is one string of at most `height` lines of at most `width` columns
without a final line feed; what a screen scrolls, zooms or puts a cursor on comes as lines, with
the columns at which its bars lie. With `colour` a chart holds ANSI colour codes and nothing else
that a terminal would act on: names are shown escaped, and markup such as "[red]" stands there
literally (so hand it to `Text.from_ansi`, never to a markup parser). `ascii=True` keeps to ASCII.

    folding        a timeline of any size as a timeline of so many rows
    gantt          timeline_chart
    rows           the rows of a timeline that people open and close; critical path; earlier run
    screen_gantt   gantt_lines: some of the rows in a window of time
    flow_timeline  flow_timeline: all runs over time, one row a flow
    forecast       forecast_chart
    curves         curve_chart
    bars           bar_list, bar
    sparkline      sparkline
    confusion      confusion_lines: what a classifier takes for what
    mistakes       mistakes_of, mistake_lines: the same in sentences
    probabilities  probability_bars: of one picture
    reliability    reliability_lines: confidence beside accuracy
    thumbnail      thumbnail: a picture, with a heat map over it
    canvas         the only module that knows plotext, loaded at the first chart that needs it
    looks          sign, colour and marker of states
    depth          Depth: how many colours there are
    colours        colours of pictures as codes
    scales         ticks for numbers, dates and durations
    time_axis      ticks, zoom and pan of a window of time
    text           display width, escaping, colours
"""
