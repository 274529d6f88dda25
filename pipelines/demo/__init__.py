"""What does reelmend do, shown on a clip whose truth is known?"""
