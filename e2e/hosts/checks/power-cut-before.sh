until_true 120 "the application answers" answers
sync
echo "the power is cut while it answers"
