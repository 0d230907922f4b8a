"""Charts for a terminal: data and a size in, one string out.

Every function is pure. The string has at most `height` lines of at most `width` columns and no
final line feed. With `colour` it holds ANSI colour codes and nothing else that a terminal would
act on: names are shown escaped, and markup such as "[red]" stands there literally (so hand the
string to `Text.from_ansi`, never to a markup parser). `ascii=True` keeps to ASCII.

    folding     a timeline of any size as a timeline of so many rows
    gantt       timeline_chart
    forecast    forecast_chart
    curves      curve_chart
    sparkline   sparkline
    canvas      the only module that knows plotext, loaded at the first chart that needs it
    scales      ticks for numbers, dates and durations
    text        display width, escaping, colours
"""
