"""Texts of the first screen."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # Health
    "Health": "상태",
    "engine": "엔진",
    "prefect server": "Prefect 서버",
    "fork server": "포크 서버",
    "predictor": "예측 서버",
    "starting": "시작 중",
    "restarting": "재시작 중",
    "off": "꺼짐",
    "does not answer": "응답 없음",
    "starts it": "시작합니다",
    "{count} restarts": "재시작 {count}회",
    "No engine runs in this workspace.": "이 작업 공간에 실행 중인 엔진이 없습니다.",
    # Now
    "Now": "지금",
    "{running} of {most} run": "{most}개 중 {running}개 실행",
    "{count} wait": "{count}개 대기",
    "{count} more": "{count}개 더",
    "~{time} left": "약 {time} 남음",
    "nothing runs": "실행 중인 것이 없습니다",
    "runs a flow": "플로우 실행",
    "Nothing has run here yet.": "아직 실행한 것이 없습니다.",
    "makes real data to try it on": "시험해 볼 실제 데이터를 만듭니다",
    "full_flow trains and deploys a model": "full_flow가 모델을 학습하고 배포합니다",
    "asks the model for forecasts": "모델에 예측을 요청합니다",
    # Failures, flows, schedules
    "Last failures": "최근 실패",
    "Latest": "최근 종료",
    "last durations, median, states": "최근 소요 시간, 중앙값, 결과",
    "Next": "다음 일정",
    "never": "없음",
    # The model
    "Model in service": "서비스 중인 모델",
    "none: full_flow trains and deploys one": "없음: full_flow가 학습하고 배포합니다",
    "{share} better": "{share} 우수",
    "{share} worse": "{share} 열등",
    "live": "실측",
    "drift": "드리프트",
    "not measured yet": "아직 측정되지 않음",
    # The timeline
    "all runs known here": "알려진 모든 실행",
    "last minute": "최근 1분",
    "last 10 minutes": "최근 10분",
    "last hour": "최근 1시간",
    "last 6 hours": "최근 6시간",
    "last day": "최근 1일",
    "last week": "최근 1주",
    "last 30 days": "최근 30일",
    "{length} until {when}": "{when}까지 {length}",
    "drawing": "그리는 중",
}
