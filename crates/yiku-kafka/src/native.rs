//! What librdkafka can do and its Rust crate does not hand on: ids of topics, and the offset at
//! which a reader found the end of a partition.
#![allow(unsafe_code, reason = "the only calls into librdkafka that its crate does not wrap")]

use std::{
    ffi::{CStr, CString, c_char},
    marker::PhantomData,
    ptr::{self, NonNull},
    slice,
    time::Duration,
};

use rdkafka::{
    bindings as c,
    client::{Client, ClientContext},
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, KafkaResult, RDKafkaErrorCode},
};

/// A topic as the cluster describes it.
#[derive(Clone, Debug)]
pub struct Described {
    /// Its full name.
    pub name: String,
    /// Its id, 22 characters: another topic of the name has another.
    pub id: String,
    /// Replicas of each partition.
    pub replicas: Vec<usize>,
}

/// Describes these topics; those that are not there are left out.
pub fn describe<C: ClientContext>(
    client: &Client<C>,
    names: &[String],
    timeout: Duration,
) -> KafkaResult<Vec<Described>> {
    let names: Vec<CString> =
        names.iter().map(|name| CString::new(name.as_str())).collect::<Result<_, _>>()?;
    let mut pointers: Vec<*const c_char> = names.iter().map(|name| name.as_ptr()).collect();
    let rk = client.native_ptr();
    let timeout_ms = timeout.as_millis() as i32;
    // SAFETY: `rk` lives as long as `client`. Queue, collection and options are ours and destroyed
    // after the answer came or the time is over; an answer that comes later is dropped with the
    // queue. What an event points to is copied before the event is destroyed.
    unsafe {
        let queue = c::rd_kafka_queue_new(rk);
        let topics =
            c::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
        let operation = c::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS;
        let options = c::rd_kafka_AdminOptions_new(rk, operation);
        let set =
            c::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, ptr::null_mut(), 0);
        debug_assert_eq!(set, c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR);
        c::rd_kafka_DescribeTopics(rk, topics, options, queue);
        let event = c::rd_kafka_queue_poll(queue, timeout_ms + 1_000);
        let described = match NonNull::new(event) {
            None => Err(KafkaError::AdminOp(RDKafkaErrorCode::OperationTimedOut)),
            Some(event) => answer(event),
        };
        if !event.is_null() {
            c::rd_kafka_event_destroy(event);
        }
        c::rd_kafka_AdminOptions_destroy(options);
        c::rd_kafka_TopicCollection_destroy(topics);
        c::rd_kafka_queue_destroy(queue);
        described
    }
}

/// # Safety
/// `event` is alive.
unsafe fn answer(event: NonNull<c::rd_kafka_event_t>) -> KafkaResult<Vec<Described>> {
    let event = event.as_ptr();
    // SAFETY: as above; lengths are those that librdkafka gives with its arrays.
    unsafe {
        let error = c::rd_kafka_event_error(event);
        if error != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(KafkaError::AdminOp(error.into()));
        }
        let result = c::rd_kafka_event_DescribeTopics_result(event);
        if result.is_null() {
            return Err(KafkaError::AdminOp(RDKafkaErrorCode::BadMessage));
        }
        let mut count = 0;
        let topics = c::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        let mut all = Vec::with_capacity(count);
        for index in 0..count {
            let topic = *topics.add(index);
            let error = c::rd_kafka_error_code(c::rd_kafka_TopicDescription_error(topic));
            if error != c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
                continue;
            }
            let id = c::rd_kafka_TopicDescription_topic_id(topic);
            all.push(Described {
                name: text(c::rd_kafka_TopicDescription_name(topic)),
                id: text(c::rd_kafka_Uuid_base64str(id)),
                replicas: replicas(topic),
            });
        }
        Ok(all)
    }
}

/// # Safety
/// `topic` is alive.
unsafe fn replicas(topic: *const c::rd_kafka_TopicDescription_t) -> Vec<usize> {
    let mut count = 0;
    // SAFETY: as above.
    unsafe {
        let partitions = c::rd_kafka_TopicDescription_partitions(topic, &mut count);
        let of = |index| {
            let mut replicas = 0;
            c::rd_kafka_TopicPartitionInfo_replicas(*partitions.add(index), &mut replicas);
            replicas
        };
        (0..count).map(of).collect()
    }
}

/// # Safety
/// `text` is null or ends in a null byte.
unsafe fn text(text: *const c_char) -> String {
    match text.is_null() {
        true => String::new(),
        // SAFETY: the caller's promise.
        false => unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned(),
    }
}

/// What a reader was handed.
pub enum Polled<'a> {
    /// A message.
    Message(Message<'a>),
    /// The partition had nothing more at this offset: all before it was handed over.
    End(u64),
    /// Nothing within the time.
    Nothing,
    /// The code and what librdkafka says of it.
    Failed(RDKafkaErrorCode, String),
}

/// Takes what comes next from an assigned consumer.
pub fn poll<C: ConsumerContext>(consumer: &BaseConsumer<C>, timeout: Duration) -> Polled<'_> {
    let rk = consumer.client().native_ptr();
    // SAFETY: `rk` lives as long as `consumer`; a message is destroyed when it is dropped, which
    // the lifetime puts before the consumer's end.
    unsafe {
        let message = c::rd_kafka_consumer_poll(rk, timeout.as_millis() as i32);
        let Some(message) = NonNull::new(message) else { return Polled::Nothing };
        let message = Message { message, _consumer: PhantomData };
        match message.message.as_ref().err {
            c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR => Polled::Message(message),
            c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF => {
                Polled::End(message.offset())
            }
            error => Polled::Failed(
                error.into(),
                text(c::rd_kafka_message_errstr(message.message.as_ptr())),
            ),
        }
    }
}

/// A message, destroyed with this value.
pub struct Message<'a> {
    message: NonNull<c::rd_kafka_message_t>,
    _consumer: PhantomData<&'a ()>,
}

impl Message<'_> {
    /// Where it stands.
    pub fn offset(&self) -> u64 {
        // SAFETY: the message is alive.
        unsafe { self.message.as_ref() }.offset.cast_unsigned()
    }

    /// Its key; `None` is null.
    pub fn key(&self) -> Option<&[u8]> {
        // SAFETY: pointer and length belong together and live as long as the message.
        unsafe {
            let message = self.message.as_ref();
            bytes(message.key.cast(), message.key_len)
        }
    }

    /// Its value; `None` is null.
    pub fn value(&self) -> Option<&[u8]> {
        // SAFETY: as with the key.
        unsafe {
            let message = self.message.as_ref();
            bytes(message.payload.cast(), message.len)
        }
    }

    /// Hands over each header with its name.
    pub fn headers<'b>(&'b self, mut take: impl FnMut(&'b [u8], &'b [u8])) {
        let ok = c::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        let mut headers = ptr::null_mut();
        // SAFETY: the headers belong to the message and live as long as it does.
        unsafe {
            if c::rd_kafka_message_headers(self.message.as_ptr(), &mut headers) != ok {
                return;
            }
            let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
            let mut index = 0;
            while c::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length)
                == ok
            {
                let value = bytes(value.cast(), length).unwrap_or_default();
                take(CStr::from_ptr(name).to_bytes(), value);
                index += 1;
            }
        }
    }
}

/// # Safety
/// `start` is null or points to `length` bytes that live for `'a`.
unsafe fn bytes<'a>(start: *const u8, length: usize) -> Option<&'a [u8]> {
    // SAFETY: the caller's promise.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start, length) })
}

impl Drop for Message<'_> {
    fn drop(&mut self) {
        // SAFETY: it is destroyed once.
        unsafe { c::rd_kafka_message_destroy(self.message.as_ptr()) }
    }
}

/// Where librdkafka's `murmur2` partitioner puts a key.
#[cfg(test)]
pub(crate) fn partition_of(key: &[u8], partitions: u32) -> u32 {
    // SAFETY: it looks at the key alone, which is as long as said; of the topic it wants nothing.
    let partition = unsafe {
        c::rd_kafka_msg_partitioner_murmur2(
            ptr::null(),
            key.as_ptr().cast(),
            key.len(),
            partitions.cast_signed(),
            ptr::null_mut(),
            ptr::null_mut(),
        )
    };
    partition.cast_unsigned()
}
