"""Texts of backtests."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Backtests": "백테스트",
    "Backtest": "백테스트",
    "Best": "최고",
    "Contenders": "비교 대상",
    "words in id, name, data set or contenders": "ID, 이름, 데이터셋, 비교 대상에 들어 있는 단어",
    "asking for the backtests": "백테스트 목록을 가져오는 중",
    "No backtest yet.": "아직 백테스트가 없습니다.",
    "no backtest fits the filter; esc takes it away": "필터에 맞는 백테스트가 없습니다. esc로 필터를 지웁니다",
    "copies the command that holds types against each other on the last days": "마지막 날들에서 모델 종류를 비교하는 명령을 복사합니다",
    "unfinished": "미완료",
    "none could be measured": "측정할 수 있는 것이 없습니다",
    "{done} of {total} measured": "{total}개 중 {done}개 측정됨",
    "by process {pid}": "프로세스 {pid}",
    "nobody measures it now: the same command goes on with it": "지금은 측정하고 있지 않습니다. 같은 명령으로 이어서 측정합니다",
    "measured {when}": "측정 {when}",
    "Error by day ahead": "예측 일수별 오차",
    "days ahead": "앞으로 며칠",
    "How it was measured": "측정 방법",
    "95 % interval": "95 % 구간",
    "from {day} on": "{day}부터",
    "trained again before each": "매번 다시 학습",
    "Delete the backtest {name} with its forecasts, for ever?": "백테스트 {name}: 예측까지 영구히 삭제할까요?",
    "launch command": "실행 명령",
    "verdict": "판정",
}
