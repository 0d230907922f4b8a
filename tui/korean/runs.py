"""Texts of the list of runs."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    "Preview": "미리보기",
    "State": "상태",
    "Flow": "플로우",
    "Name": "이름",
    "Model": "모델",
    "Began": "시작",
    "Took": "걸린 시간",
    "Id": "ID",
    "asking for the runs": "실행 목록을 가져오는 중",
    "{count} marked": "{count}개 표시",
    "no other failed run among those that were looked at": "살펴본 것 가운데 실패한 다른 실행이 없습니다",
    "no run fits the filter; esc takes it away": "필터에 맞는 실행이 없습니다. esc로 필터를 지웁니다",
    "No runs yet.": "아직 실행이 없습니다.",
    "] timeline": "] 타임라인",
    "{count} runs compared": "실행 {count}개 비교",
    "Memory": "메모리",
    "Asked for": "요청",
    "! differs": "! 다름",
    "Came of it": "결과",
    "* best": "* 최선",
    "asking": "가져오는 중",
    "none of them measured a model": "모델을 평가한 실행이 없습니다",
    "mark {least} to {most} runs to compare them; {count} are marked": "비교하려면 실행 {least}~{most}개를 표시하세요. 지금 {count}개",
    "nothing but the flow itself": "플로우 외에 다른 요청 없음",
    "Coverage": "포함률",
    "Width": "폭",
    "starts one: full_flow trains and deploys": "하나를 시작합니다: full_flow는 학습하고 배포합니다",
}
