-- One signed-looking JSON 1.1 call over and over; what to call comes from the environment.
wrk.method = "POST"
wrk.body = os.getenv("CALL_BODY")
wrk.headers["Content-Type"] = "application/x-amz-json-1.1"
wrk.headers["X-Amz-Target"] = "AmazonEC2ContainerServiceV20141113." .. os.getenv("CALL_OPERATION")
wrk.headers["X-Amz-Date"] = os.getenv("CALL_DATE")
wrk.headers["Authorization"] = os.getenv("CALL_AUTHORIZATION")
