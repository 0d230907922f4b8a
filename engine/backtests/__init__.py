"""Any model types side by side on the last days of a data set, from several origins.

request     what is compared: types and stored versions, with their settings; the same is the same
store       the folders: what is finished, what goes on, what was left
measuring   trains, forecasts, keeps the forecasts of every (contender, origin)
forecasts   those files, and one series out of them
results     from forecasts to numbers, ranks and verdicts
"""
