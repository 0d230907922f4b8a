"""Texts of the screen of the machine and the engine."""

from __future__ import annotations

TEXTS: dict[str, str] = {
    # The machine
    "Machine": "컴퓨터",
    "{count} processors": "프로세서 {count}개",
    "load": "부하",
    "memory": "메모리",
    "swap": "스왑",
    "Disk of the workspace": "작업 공간의 디스크",
    "disk": "디스크",
    "{size} free": "{size} 남음",
    "adding up the folders": "폴더 크기를 더하는 중",
    # The engine
    "Engine": "엔진",
    "version": "버전",
    "pid": "프로세스",
    "up for": "가동 시간",
    "CPU": "CPU",
    "queue": "대기열",
    "time zone": "시간대",
    "MLflow": "MLflow",
    "workspace": "작업 공간",
    "Restart the engine? Runs go on; it takes them up again.": (
        "엔진을 다시 시작할까요? 실행은 계속되고, 엔진이 다시 이어받습니다."
    ),
    "the engine runs again": "엔진이 다시 실행됩니다",
    "Children": "하위 프로세스",
    "work pool {name}": "작업 풀 {name}",
    "{name}: heard of {time} ago": "{name}: {time} 전 소식",
    "Addresses": "주소",
    "only inside this machine, through a socket": "이 컴퓨터 안에서만, 소켓으로",
    # Schedules
    "schedule": "일정",
    # The doctor
    "Doctor": "진단",
    "examining": "진단하는 중",
    "{count} to see to": "{count}개 조치 필요",
    "all is well": "모두 정상",
    "check": "점검",
    "child": "하위 프로세스",
    "address": "주소",
    "advice": "조언",
    "name": "이름",
    "Messages that did not arrive": "전달되지 않은 알림",
}
